package engine

import (
	"errors"
	"runtime"
	"unsafe"
)

// connection is one session of the engine. It runs one statement at a time and
// must not be used by two goroutines at once. All its calls run on one thread
// of the operating system: the engine keeps the state of a statement, its
// memory account and its query id in thread-local storage.
type connection struct {
	lib      *library
	work     chan func()
	pointer  *uintptr // what chdb_connect returned
	handle   uintptr  // what it points at
	args     []string // what chdb_connect was given
	database string   // the session's current database
}

// open starts a session; args are options such as "--path=DIR". The first
// session of a process starts the engine.
func (l *library) open(args []string) (*connection, error) {
	c := &connection{lib: l, work: make(chan func()), args: args}
	go c.serve()
	if err := c.connect(); err != nil {
		close(c.work)
		return nil, err
	}
	return c, nil
}

// connect starts the session proper.
func (c *connection) connect() error {
	c.on(func() { c.pointer = c.lib.connectArgs(c.args) })
	if c.pointer == nil || *c.pointer == 0 {
		return errors.New("engine: chdb_connect failed: the directory or an option was refused by the library")
	}
	c.handle, c.database = *c.pointer, defaultDatabase
	return nil
}

// serve runs the connection's calls; the thread ends with it.
func (c *connection) serve() {
	runtime.LockOSThread()
	for f := range c.work {
		f()
	}
}

// on runs f on the connection's thread.
func (c *connection) on(f func()) {
	done := make(chan struct{})
	c.work <- func() { f(); close(done) }
	<-done
}

// close ends the session and its thread; the last session of a process ends
// the engine.
func (c *connection) close() {
	c.on(func() { c.lib.closeConn(c.pointer) })
	close(c.work)
}

// query runs a statement and holds its whole output.
func (c *connection) query(s statement) (r result, err error) {
	c.on(func() { r, err = c.lib.checked(s.call(c.handle, c.lib.queryParams)) })
	return r, err
}

// settle makes the session clean after a statement that failed: libchdb 26.7
// keeps the output that a failed statement had already written, and puts it in
// front of the output of the next one that succeeds, whoever's that is. A
// session that does not come clean is replaced by a new one.
func (c *connection) settle() error {
	for range 2 {
		r, err := c.query(statement{sql: "SELECT 1", format: "TabSeparated"})
		if err != nil {
			continue
		}
		clean := string(r.bytes()) == "1\n"
		r.close()
		if clean {
			return nil
		}
	}
	c.on(func() { c.lib.closeConn(c.pointer) })
	return c.connect()
}

// run runs a statement whose output does not matter.
func (c *connection) run(sql string) error {
	r, err := c.query(statement{sql: sql, format: "Null"})
	if err != nil {
		return err
	}
	r.close()
	return nil
}

// use makes database the current one, if it is not yet.
func (c *connection) use(database string) error {
	if c.database == database {
		return nil
	}
	if err := c.run("USE " + quoteIdentifier(database)); err != nil {
		return err
	}
	c.database = database
	return nil
}

// stream starts a statement whose output is fetched chunk by chunk.
func (c *connection) stream(s statement) (*stream, error) {
	var r result
	var err error
	c.on(func() { r, err = c.lib.checked(s.call(c.handle, c.lib.streamParams)) })
	if err != nil {
		return nil, err
	}
	return &stream{conn: c, result: r}, nil
}

// stream is a running statement; its connection is busy until close.
type stream struct {
	conn   *connection
	result result
	ended  bool
}

// next returns the next chunk; a chunk of no bytes is the end.
func (s *stream) next() (r result, err error) {
	c := s.conn
	c.on(func() { r, err = c.lib.checked(c.lib.streamFetch(c.handle, s.result.handle)) })
	if err != nil {
		s.ended = true
		return result{}, err
	}
	s.ended = len(r.bytes()) == 0
	return r, nil
}

// close ends the statement, cancelling what is left of it.
func (s *stream) close() {
	c := s.conn
	c.on(func() {
		if !s.ended {
			c.lib.streamCancel(c.handle, s.result.handle)
		}
		s.result.close()
	})
}

// insert starts an INSERT (without FORMAT and data) whose data follows in
// s.format.
func (c *connection) insert(s statement) (*insertion, error) {
	i := &insertion{conn: c}
	var text string
	c.on(func() {
		i.handle = s.call(c.handle, c.lib.insertOpen)
		if i.handle == 0 {
			text = "engine: the library returned no insert stream"
			return
		}
		if text = c.lib.insertError(i.handle); text != "" {
			c.lib.insertDestroy(i.handle)
		}
	})
	if text != "" {
		return nil, parseException(text)
	}
	return i, nil
}

// insertion is a running INSERT; its connection is busy until close.
type insertion struct {
	conn   *connection
	handle uintptr
}

// append hands over the next bytes, cut anywhere; it blocks while the engine
// is behind.
func (i *insertion) append(data []byte) (err error) {
	if len(data) == 0 {
		return nil
	}
	lib := i.conn.lib
	i.conn.on(func() {
		state := lib.insertAppend(i.handle, unsafe.Pointer(&data[0]), uintptr(len(data)))
		runtime.KeepAlive(data)
		if state == 0 {
			return
		}
		err = errors.New("engine: the insert stream takes no more data")
		if text := lib.insertError(i.handle); text != "" {
			err = parseException(text)
		}
	})
	return err
}

// finish ends the data and commits it.
func (i *insertion) finish() (s summary, err error) {
	lib := i.conn.lib
	i.conn.on(func() {
		var r result
		if r, err = lib.checked(lib.insertDone(i.handle)); err == nil {
			s = r.summary()
			r.close()
		}
	})
	return s, err
}

// close frees the stream; without finish before it nothing more is inserted.
func (i *insertion) close() {
	i.conn.on(func() { i.conn.lib.insertDestroy(i.handle) })
}

// What a statement does, by the engine's own parser (chdb_query_class).
const classReadOnly = 0 // SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS, CHECK

// analysis mirrors the library's chdb_query_analysis_v1.
type analysis struct {
	size       uint32
	statements uint32
	flags      uint32
	class      uint32
}

// analyse parses sql without running it; a text that does not parse has a
// class of 4 and no statements.
func (c *connection) analyse(sql string) (analysis, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	out := &analysis{size: uint32(unsafe.Sizeof(analysis{}))}
	pin.Pin(out)
	var state int32
	c.on(func() {
		state = c.lib.classify(c.handle, pinned(&pin, sql), uintptr(len(sql)), nil, 0, unsafe.Pointer(out))
	})
	if state != 0 {
		return analysis{}, errors.New("engine: chdb_classify_query_n failed")
	}
	return *out, nil
}
