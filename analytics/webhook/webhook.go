// Package webhook tells senders who left, by a signed call to the address that
// their site names.
//
//	mail_consents, less mail_told ──▶ one POST each ──▶ 2xx ──▶ mail_told
//
// The queue is what ClickHouse has of unsubscriptions and has not told: it
// survives every restart and any node can go on with it. A call is made at least
// once; Kunji-Delivery names it, so that a receiver can leave out what it had.
// What is answered with 5xx, 429 or 408, or not at all, ends the site's round.
// Anything else but 2xx refuses that one alone: it waits by itself, and the others
// are told meanwhile, new ones first. Both are tried again with growing pauses, for
// as long as the site has the address; of somebody who was erased for 30 days after
// they left, and then their name is gone.
//
// The body is {"ref","list","time"}. When the site itself has ended (a wind-down is
// done) and all of them were told or refused, one last call says so: its body is
// {"event":"site_ended","site","begun","ended","receipt"}. Kunji-Event is
// unsubscribed or site_ended. Kunji-Signature is "t=…,v1=…": the time of
// the call in seconds since 1970, and HMAC-SHA-256 (RFC 2104) of that number, a
// dot and the body, in hex, under the site's secret (kunji mail secret). A
// receiver compares in constant time and refuses what is older than five
// minutes. Only https is called, and http where the host is this machine;
// redirects are not followed. Neither addresses nor names are logged.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/site"
)

// Queue is what is to be told; *store.Store is one.
type Queue interface {
	MailUntold(ctx context.Context, site string, p store.UntoldPage) ([]store.Untold, error)
	MailTold(ctx context.Context, site string, keys []uint64) error
	EndsUntold(ctx context.Context) ([]store.WindDown, error)
	EndTold(ctx context.Context, w store.WindDown) error
}

// Options are what a Caller is made of.
type Options struct {
	Queue Queue
	// Sites returns the sites as they are configured now.
	Sites func() []*site.Site
	// Open reads the sender's names of a sealed unsubscription.
	Open func(site, sealed string) (ref, list string, err error)
	// Secret is what a site's calls are signed with.
	Secret func(site string) string
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger
	// First and Longest are the pauses after a failed call: 5 s and an hour
	// where they are zero.
	First, Longest time.Duration
}

// Caller makes the calls. Run it on one node of a store.
type Caller struct {
	opt    Options
	client *http.Client
	sites  map[string]*progress
}

// progress is how far a site is. It is lost with the process: then what was refused
// is tried once more.
type progress struct {
	address string
	since   time.Time        // everything before it was told, or refused
	pause   pause            // of the whole site
	refused map[uint64]pause // of single deliveries, by their key
	end     pause            // of the call that says that the site has ended
}

// pause is what failed calls cost.
type pause struct {
	failures int       // in a row
	until    time.Time // no call before it
}

// over reports whether a call may be made again.
func (p pause) over(now time.Time) bool { return !now.Before(p.until) }

const (
	callTimeout = 10 * time.Second
	roundSize   = 200              // calls between two notes of what was told
	maxRefused  = 10_000           // deliveries: their keys travel in an address of ClickHouse's
	overlap     = 15 * time.Minute // an insert may become visible after a later one
)

// New makes a caller.
func New(o Options) (*Caller, error) {
	if o.Queue == nil || o.Sites == nil || o.Open == nil || o.Secret == nil || o.Logger == nil {
		return nil, errors.New("webhook: an option is missing")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.First == 0 {
		o.First, o.Longest = 5*time.Second, time.Hour
	}
	return &Caller{opt: o, sites: map[string]*progress{}, client: &http.Client{
		Timeout:       callTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: callTimeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Allowed reports whether an address may be called.
func Allowed(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("is not a web address: write one such as https://shop.example/unsubscribed")
	}
	local := u.Hostname() == "localhost"
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		local = ip.IsLoopback()
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return errors.New("would send who left in the clear: write an https address (http only for this machine)")
	}
	return nil
}

// Run calls until ctx ends, looking for new ones every so often.
func (c *Caller) Run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		for _, s := range c.opt.Sites() {
			if s.UnsubscribeHook != "" && ctx.Err() == nil {
				c.round(ctx, s)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// round tells one site of those who left, until none is left or a call fails.
func (c *Caller) round(ctx context.Context, s *site.Site) {
	p := c.sites[s.ID]
	if p == nil || p.address != s.UnsubscribeHook {
		p = &progress{address: s.UnsubscribeHook, refused: map[uint64]pause{}}
		c.sites[s.ID] = p
	}
	if !p.pause.over(c.opt.Now()) {
		return
	}
	err := c.tell(ctx, s, p)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		p.pause = pause{}
		return
	}
	p.pause = c.longer(p.pause)
	c.opt.Logger.Warn("webhook: who left was not told and is tried again", "site", s.ID, "failures", p.pause.failures, "until", p.pause.until, "error", err)
}

// longer is the pause after one more failure.
func (c *Caller) longer(p pause) pause {
	wait := c.opt.Longest
	if p.failures < 19 {
		wait = min(wait, c.opt.First<<p.failures)
	}
	return pause{p.failures + 1, c.opt.Now().Add(wait)}
}

// errRefused says that a receiver refused one call and may take others.
var errRefused = errors.New("the receiver refused a call")

// tell makes the calls of a round. Its error concerns the whole site.
func (c *Caller) tell(ctx context.Context, s *site.Site, p *progress) error {
	begun, page := c.opt.Now(), store.UntoldPage{Since: p.since, Most: roundSize}
	for key, one := range p.refused {
		if one.over(begun) {
			page.Again = append(page.Again, key)
		} else {
			page.Wait = append(page.Wait, key)
		}
	}
	list, err := c.opt.Queue.MailUntold(ctx, s.ID, page)
	if err != nil {
		return fmt.Errorf("who left: %w", err)
	}
	fresh := len(list)
	if i := slices.IndexFunc(list, func(one store.Untold) bool { return p.refused[one.Key].failures > 0 }); i >= 0 {
		fresh = i
	}
	done, failed := c.callAll(ctx, s, p, list)
	if len(done) > 0 {
		if err := c.opt.Queue.MailTold(context.WithoutCancel(ctx), s.ID, done); err != nil {
			return fmt.Errorf("note what was told: %w", err)
		}
		for _, key := range done {
			delete(p.refused, key) // not before it is noted: nothing else would find it again
		}
	}
	if failed != nil || fresh == roundSize {
		return failed
	}
	if fresh > 0 {
		p.since = list[fresh-1].Taken.Add(-overlap) // by ClickHouse's clock
	}
	if len(list) < roundSize {
		maps.DeleteFunc(p.refused, func(_ uint64, one pause) bool { return one.over(begun) }) // ClickHouse has them no more
	}
	if s.Status == site.Stopped {
		return c.tellEnd(ctx, s, p)
	}
	return nil
}

// callAll tells of those in the list until a call fails that concerns the whole
// site, and returns the keys of those who were told of.
func (c *Caller) callAll(ctx context.Context, s *site.Site, p *progress, list []store.Untold) (done []uint64, failed error) {
	var refusal error
	refused := 0
	for _, one := range list {
		err := c.call(ctx, s, one)
		if err == nil {
			done = append(done, one.Key)
			continue
		}
		if !errors.Is(err, errRefused) {
			failed = err
			break
		}
		before, known := p.refused[one.Key]
		if !known && len(p.refused) == maxRefused {
			failed = fmt.Errorf("%d are refused already: see whether the address is right: %w", maxRefused, err)
			break
		}
		p.refused[one.Key] = c.longer(before)
		refused, refusal = refused+1, err
	}
	if refused > 0 {
		c.opt.Logger.Warn("webhook: some who left were refused, and each is tried again; let the receiver answer 2xx also for those whom it does not know",
			"site", s.ID, "refused", refused, "error", refusal)
	}
	return done, failed
}

// tellEnd tells a site's sender that the site has ended, if it has. Where that is
// refused, those who left late are told all the same.
func (c *Caller) tellEnd(ctx context.Context, s *site.Site, p *progress) error {
	if !p.end.over(c.opt.Now()) {
		return nil
	}
	err := c.callEnd(ctx, s)
	if errors.Is(err, errRefused) {
		p.end = c.longer(p.end)
		c.opt.Logger.Warn("webhook: that the site has ended was refused and is tried again", "site", s.ID, "failures", p.end.failures, "until", p.end.until, "error", err)
		return nil
	}
	return err
}

func (c *Caller) callEnd(ctx context.Context, s *site.Site) error {
	ends, err := c.opt.Queue.EndsUntold(ctx)
	if err != nil {
		return fmt.Errorf("which sites have ended: %w", err)
	}
	for _, w := range ends {
		if w.Site != s.ID {
			continue
		}
		body, err := json.Marshal(struct {
			Event   string    `json:"event"`
			Site    string    `json:"site"`
			Begun   time.Time `json:"begun"`
			Ended   time.Time `json:"ended"`
			Receipt []byte    `json:"receipt"` // base64
		}{siteEnded, w.Site, w.Begun, w.Finished, w.Signature})
		if err != nil {
			return fmt.Errorf("%w: %w", errRefused, err)
		}
		if err := c.post(ctx, s, siteEnded, "ended-"+strconv.FormatInt(w.Begun.UnixMilli(), 16), body); err != nil {
			return err
		}
		if err := c.opt.Queue.EndTold(context.WithoutCancel(ctx), w); err != nil {
			return fmt.Errorf("note what was told: %w", err)
		}
	}
	return nil
}

// What a call is about.
const (
	unsubscribed = "unsubscribed"
	siteEnded    = "site_ended"
)

// call tells of one who left.
func (c *Caller) call(ctx context.Context, s *site.Site, one store.Untold) error {
	ref, list, err := c.opt.Open(s.ID, one.Sealed)
	if err != nil {
		return fmt.Errorf("%w: the sender's names cannot be read: %w", errRefused, err)
	}
	body, err := json.Marshal(struct {
		Ref  string    `json:"ref"`
		List string    `json:"list"`
		Time time.Time `json:"time"`
	}{ref, list, one.Time.UTC()})
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return c.post(ctx, s, unsubscribed, strconv.FormatUint(one.Key, 16), body)
}

// post sends one signed call.
func (c *Caller) post(ctx context.Context, s *site.Site, event, delivery string, body []byte) error {
	if err := Allowed(s.UnsubscribeHook); err != nil {
		return fmt.Errorf("the webhook's address %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.UnsubscribeHook, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's address cannot be called")
	}
	at := strconv.FormatInt(c.opt.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "kunji-webhook/1")
	req.Header.Set("Kunji-Signature", "t="+at+",v1="+Sign(c.opt.Secret(s.ID), at, body))
	req.Header.Set("Kunji-Event", event)
	req.Header.Set("Kunji-Delivery", delivery)
	resp, err := c.client.Do(req)
	if err != nil {
		var asked *url.Error // its text holds the address
		if errors.As(err, &asked) {
			err = asked.Err
		}
		return fmt.Errorf("the receiver did not answer: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode/100 == 5, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
		return fmt.Errorf("the receiver answered %d", resp.StatusCode)
	}
	return fmt.Errorf("%w with %d", errRefused, resp.StatusCode)
}

// Sign returns the signature of a call: hex of HMAC-SHA-256 over at, a dot and
// the body, under the secret as it is written.
func Sign(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
