package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/spool"
)

type spoolCmd struct {
	List   spoolListCmd   `cmd:"" help:"List the batches that were set aside, with the reason."`
	Replay spoolReplayCmd `cmd:"" help:"Put set-aside batches back into the queue."`
}

type spoolListCmd struct{}

type spoolReplayCmd struct {
	Batch []uint64 `arg:"" optional:"" help:"The batches, as list names them; without any, all that can be replayed."`
}

// aside is one set-aside batch, as it travels over the control socket.
type aside struct {
	Batch   uint64    `json:"batch"`
	At      time.Time `json:"at"`
	Records uint64    `json:"records"`
	Bytes   int64     `json:"bytes"`
	Damaged bool      `json:"damaged"`
	Reason  string    `json:"reason"`
}

// replayed is what became of a replay.
type replayed struct {
	Batches int `json:"batches"`
	Records int `json:"records"`
}

// Run lists what was set aside, the running service's or the one at rest.
func (c *spoolListCmd) Run(ctx context.Context, a *app) error {
	var all []aside
	err := a.onSpool(ctx, "GET", "/spool/asides", nil, &all, func(s *spool.Spool) (err error) {
		all, err = listAsides(s)
		return err
	})
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(a.stdout, "nothing is set aside")
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "batch\tage\trecords\tbytes\treplay\treason")
	for _, b := range all {
		replay := "yes"
		if b.Damaged {
			replay = "damaged"
		}
		fmt.Fprintf(w, "%d\t%s\t%d\t%d\t%s\t%s\n", b.Batch, age(a.now().Sub(b.At)), b.Records, b.Bytes, replay, b.Reason)
	}
	return w.Flush()
}

// Run replays batches.
func (c *spoolReplayCmd) Run(ctx context.Context, a *app) error {
	var done replayed
	err := a.onSpool(ctx, "POST", "/spool/replay", c.Batch, &done, func(s *spool.Spool) (err error) {
		done, err = replayAsides(s, c.Batch)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s of %s are in the queue again\n", count(done.Records, "record"), counted(done.Batches, "batch", "batches"))
	return nil
}

// onSpool asks the running service; where none runs, offline is called with
// the spool itself, which is open only then.
func (a *app) onSpool(ctx context.Context, method, path string, question, answer any, offline func(*spool.Spool) error) error {
	cfg, err := a.open()
	if err != nil {
		return err
	}
	err = askService(ctx, cfg.DataDir, method, path, question, answer)
	if !errors.Is(err, errNoService) {
		return err
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return err
	}
	return errors.Join(a.withSpool(cfg, offline), lock.release())
}

// withSpool opens the spool, which no service has open, for f.
func (a *app) withSpool(cfg *Config, f func(*spool.Spool) error) error {
	ring, err := identity.OpenRing(cfg.Keys.File, a.now())
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := spool.Open(cfg.spoolOptions(ring, log))
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

// listAsides describes every batch that was set aside.
func listAsides(s *spool.Spool) ([]aside, error) {
	found, err := s.Asides()
	if err != nil {
		return nil, err
	}
	all := make([]aside, len(found))
	for i, b := range found {
		all[i] = aside{Batch: uint64(b.Batch), At: b.At, Records: b.Records, Bytes: b.Bytes, Damaged: b.Damaged, Reason: b.Reason}
	}
	return all, nil
}

// eachAside visits the records of each batch that was set aside.
func eachAside(s *spool.Spool, visit func([]spool.Record) error) error {
	all, err := s.Asides()
	if err != nil {
		return err
	}
	// A batch is listed once more for each damaged entry in it.
	for _, b := range slices.CompactFunc(all, func(a, b spool.Aside) bool { return a.Batch == b.Batch }) {
		records, err := s.AsideRecords(b.Batch)
		if err == nil {
			err = visit(records)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// replayAsides puts batches back into the queue, all that can be where none is
// named. Every batch is looked up before the first moves.
func replayAsides(s *spool.Spool, batches []uint64) (replayed, error) {
	var done replayed
	found, err := s.Asides()
	if err != nil {
		return done, err
	}
	if len(batches) == 0 {
		for _, b := range found {
			if !b.Damaged {
				batches = append(batches, uint64(b.Batch))
			}
		}
	}
	for _, n := range batches {
		i := slices.IndexFunc(found, func(b spool.Aside) bool { return uint64(b.Batch) == n })
		switch {
		case i < 0:
			return done, fmt.Errorf("no batch %d is set aside: `kunji spool list` names those that are", n)
		case found[i].Damaged:
			return done, fmt.Errorf("batch %d is damaged and cannot be replayed: it is kept until it ages out", n)
		}
	}
	for _, n := range batches {
		records, err := s.Replay(spool.Seq(n))
		if err != nil {
			return done, fmt.Errorf("replay batch %d, after %s were: %w", n, counted(done.Batches, "batch", "batches"), err)
		}
		done.Batches++
		done.Records += records
	}
	return done, nil
}

// age writes how long ago something was, in the two units that matter.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(max(0, int(d.Seconds()))) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 2*day:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return strconv.Itoa(int(d/day)) + "d"
}

// counted is count for a plural of its own.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
