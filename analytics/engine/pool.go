package engine

import (
	"context"
	"fmt"
	"time"
)

const defaultDatabase = "default"

// pool holds the sessions of the engine in two lanes, so that a slow report
// never blocks an insert. One more session, control, parses and kills.
type pool struct {
	reads   chan *connection
	writes  chan *connection
	control chan *connection
	all     []*connection
}

// openPool opens reads+writes+1 sessions with the options args.
func openPool(lib *library, args []string, reads, writes int) (*pool, error) {
	p := &pool{
		reads: make(chan *connection, reads), writes: make(chan *connection, writes), control: make(chan *connection, 1),
	}
	for _, lane := range []chan *connection{p.control, p.writes, p.reads} {
		for range cap(lane) {
			c, err := lib.open(args)
			if err != nil {
				p.close()
				return nil, err
			}
			p.all = append(p.all, c)
			lane <- c
		}
	}
	return p, nil
}

// close ends every session; none may be in use.
func (p *pool) close() {
	for _, c := range p.all {
		c.close()
	}
}

// take waits for a session of the lane and makes database its current one.
// The caller gives it back with lane <- c.
func take(ctx context.Context, lane chan *connection, database string) (*connection, error) {
	select {
	case c := <-lane:
		if err := c.use(database); err != nil {
			lane <- c
			return nil, err
		}
		return c, nil
	case <-ctx.Done():
		return nil, refusal(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "gave up waiting for a free session of the engine: %v", ctx.Err())
	}
}

// analyse parses sql on the control session.
func (p *pool) analyse(sql string) (analysis, error) {
	c := <-p.control
	defer func() { p.control <- c }()
	return c.analyse(sql)
}

// killEvery is how often a statement whose client left is killed again: it may
// not have been registered with the engine at the first try.
const killEvery = 50 * time.Millisecond

// killOnDone kills the statement whose text begins with tag when ctx ends; the
// caller calls stop when the statement has ended.
func (p *pool) killOnDone(ctx context.Context, tag string) (stop func()) {
	ended := make(chan struct{})
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		for {
			p.kill(tag)
			select {
			case <-ended:
				return
			case <-time.After(killEvery):
			}
		}
	}()
	return func() { close(ended); <-exited }
}

func (p *pool) kill(tag string) {
	c := <-p.control
	defer func() { p.control <- c }()
	// A failure is met by the next try.
	_ = c.run(fmt.Sprintf("KILL QUERY WHERE startsWith(query, %s) ASYNC", quoteString(tag)))
}
