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

// with waits for a session of the lane, makes database its current one and
// runs f on it. After an error the session is made clean.
func with(ctx context.Context, lane chan *connection, database string, f func(*connection) error) error {
	select {
	case c := <-lane:
		defer func() { lane <- c }()
		err := c.use(database)
		if err == nil {
			err = f(c)
		}
		if err != nil {
			if broken := c.settle(); broken != nil {
				return fmt.Errorf("%w; and its session is lost: %w", err, broken)
			}
		}
		return err
	case <-ctx.Done():
		return refusal(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "gave up waiting for a free session of the engine: %v", ctx.Err())
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
	// A failure is met by the next try; the output of KILL is not looked at.
	_ = c.run(fmt.Sprintf("KILL QUERY WHERE startsWith(query, %s) ASYNC", quoteString(tag)))
}
