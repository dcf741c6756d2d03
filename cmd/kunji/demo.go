package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/edge/server"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

type demoCmd struct {
	PerDay float64 `default:"260" help:"About how many made visits a day (${default})."`
	Events int     `help:"Make so many events of sixty days instead, straight into ClickHouse: 20000000 take some minutes."`
}

// Run runs the demo until ctx ends.
func (c *demoCmd) Run(ctx context.Context, a *app) error {
	if c.PerDay < 0 || c.Events < 0 {
		return usagef("--per-day and --events: a number of visits or events, 0 or more")
	}
	cfg, err := a.open()
	if err != nil {
		return err
	}
	st, ok := cfg.Site(shopSite)
	if !ok {
		return usagef("the demo needs a site with id %s in %s: use the kunji.yaml that came with the program", shopSite, a.config)
	}
	st.Made = true
	cfg.DataDir = filepath.Join(cfg.DataDir, "demo")
	cfg.Keys.File = filepath.Join(cfg.DataDir, "keys.json")
	if err := forgetHalfMade(cfg.DataDir); err != nil {
		return err
	}
	password, err := demoLogin(cfg)
	if err != nil {
		return err
	}
	shop, err := newShop(cfg.Edge.PublicURL.String())
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := newService(ctx, cfg, roleAll, log, edgeExtra{pages: shop.handler()})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "shop     %s/shop/\nconsole  %s   user demo, password %s\n", cfg.Edge.PublicURL, s.consoleURL(), password)
	fmt.Fprintln(a.stdout, "Everything the shop sells, and the month of visits in its reports, is made up. End with Ctrl-C.")
	go func() {
		traffic := func() error { return s.makeMonth(ctx, c.PerDay, a) }
		if c.Events > 0 {
			traffic = func() error { return s.makeBulk(ctx, c.Events, a) }
		}
		if err := traffic(); err != nil && ctx.Err() == nil {
			fmt.Fprintln(a.stderr, "kunji:", err)
		}
	}()
	return errors.Join(s.serve(ctx), s.close())
}

// Files that say how far the month is.
const (
	makingFile = "making-the-month"
	madeFile   = "month-is-made"
)

// forgetHalfMade deletes the demo's data where an earlier demo was stopped
// while it made the month: half a month twice would not be a month.
func forgetHalfMade(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, makingFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range []string{"spool", "clickhouse", madeFile, makingFile} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("forget a month that was made in part: %w", err)
		}
	}
	return nil
}

// demoLogin gives the demo its one user, whose password is made at the first
// start and kept beside the data. The configuration's tokens count too, so that
// whoever tries the demo can try the interfaces.
func demoLogin(cfg *Config) (password string, err error) {
	file := filepath.Join(cfg.DataDir, "login")
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		b = make([]byte, 9)
		_, _ = rand.Read(b) // never fails
		b = []byte(base64.RawURLEncoding.EncodeToString(b))
		if err = os.MkdirAll(cfg.DataDir, 0o700); err == nil {
			err = os.WriteFile(file, b, 0o600)
		}
	}
	if err != nil {
		return "", fmt.Errorf("the demo's login: %w", err)
	}
	password = strings.TrimSpace(string(b))
	hash, err := console.HashPassword(password)
	if err != nil {
		return "", fmt.Errorf("the demo's login: %w", err)
	}
	cfg.Console.Users = []console.User{{Name: "demo", Argon2id: hash, Role: console.Admin, Sites: []string{"*"}}}
	return password, nil
}

// makeMonth sends a month of made visits through an edge of its own, which
// has the service's spool, keys and sites, and a clock that moves.
func (s *service) makeMonth(ctx context.Context, perDay float64, a *app) error {
	made := filepath.Join(s.cfg.DataDir, madeFile)
	if _, err := os.Stat(made); err == nil {
		return nil
	}
	making := filepath.Join(s.cfg.DataDir, makingFile)
	if err := os.WriteFile(making, nil, 0o600); err != nil {
		return fmt.Errorf("make the month: %w", err)
	}
	clock := new(movedClock)
	end := time.Now().UTC()
	clock.set(end.AddDate(0, 0, -madeDays))
	heard, err := withdrawal.New(withdrawal.Options{Marks: keeper{s.spool}, Lifetime: longestLifetime(s.cfg.Sites), Now: clock.now, Logger: s.log})
	if err != nil {
		return err
	}
	if err := heard.Load(); err != nil {
		return err
	}
	o := s.edgeOptions()
	o.Withdrawn = heard
	o.Now, o.Rate, o.Ready, o.Extra = clock.now, 0, nil, nil
	o.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	edge, err := server.New(o)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("make the month: %w", err)
	}
	served := make(chan error, 1)
	go func() { served <- edge.Serve(ln) }()
	traffic := &madeTraffic{
		client: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		base: "http://" + ln.Addr().String(), origin: s.cfg.Edge.PublicURL.Scheme + "://" + s.cfg.Edge.PublicURL.Host,
		clock: clock, log: s.log, random: mathrand.New(mathrand.NewPCG(1, 2)),
	}
	began := time.Now()
	visits, err := s.makeTraffic(ctx, traffic, heard, end, perDay)
	traffic.client.CloseIdleConnections()
	stop, cancel := context.WithTimeout(context.Background(), drainEdge)
	defer cancel()
	err = errors.Join(err, edge.Shutdown(stop), <-served)
	if err != nil {
		return err
	}
	if err := os.Rename(making, made); err != nil {
		return fmt.Errorf("make the month: %w", err)
	}
	debug.FreeOSMemory() // the plan of a month of visits is not needed any more
	fmt.Fprintf(a.stdout, "A month of %d made visits is in the reports (%.0f s).\n", visits, time.Since(began).Seconds())
	return nil
}

// makeTraffic makes the month's visits, and its costs and letters where there are
// visits.
func (s *service) makeTraffic(ctx context.Context, traffic *madeTraffic, heard *withdrawal.Set, end time.Time, perDay float64) (int, error) {
	if readers := int(perDay * readersPerVisit); readers > 0 {
		if err := s.untilReady(ctx); err != nil { // what readers said is the store's
			return 0, err
		}
		st, _ := s.live.Load().Site(shopSite) // demoCmd.Run found it
		traffic.mail = &madeMail{
			traffic: traffic, mailer: newMailer(s.ring, s.store, heard, traffic.clock.now), heard: heard, site: st, acts: map[int][]madeAct{},
		}
		if err := makeCosts(ctx, s.store, st, end, perDay, traffic.random); err != nil {
			return 0, err
		}
		if err := traffic.mail.gatherReaders(ctx, readers, end.AddDate(0, 0, -madeDays-1)); err != nil {
			return 0, err
		}
	}
	return traffic.run(ctx, end, perDay)
}

// untilReady waits for ClickHouse and its tables.
func (s *service) untilReady(ctx context.Context) error {
	const poll = 100 * time.Millisecond
	for !s.ready.Load() {
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
