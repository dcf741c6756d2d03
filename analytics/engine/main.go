package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Options tells an engine what to open and where to listen.
type Options struct {
	Dir       string // the directory of the engine; made if it is not there
	Socket    string // path of the unix socket, at most 103 bytes; see SocketPath
	Library   string // path of libchdb.so; "" looks for it, see FindLibrary
	ConfigXML []byte // a <clickhouse> document with more configuration, e.g. remote_servers
	Reads     int    // sessions for queries; 0 is 4
	Writes    int    // sessions for inserts; 0 is 2
}

// drainTime is how long running statements may go on after the engine was told
// to end; then they are killed.
const drainTime = 10 * time.Second

// killTime is how long killed statements have to end, and the library to stop.
const killTime = 10 * time.Second

// Child is the whole of the process that a Supervisor starts. stdin carries
// Options as one line of JSON and then stays open: its end, by whatever death
// of the parent, ends the engine, as SIGTERM does. The engine's log goes to
// stderr as lines of JSON, which the supervisor reads.
func Child(ctx context.Context, stdin io.Reader, stderr io.Writer) error {
	in := bufio.NewReader(stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("engine: read the options from the parent: %w (this command is started by kunji serve)", err)
	}
	var o Options
	if err := json.Unmarshal(line, &o); err != nil {
		return fmt.Errorf("engine: read the options from the parent: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in) // until the parent is gone
		cancel()
	}()
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	if err := Main(ctx, o, log); err != nil {
		log.Error("engine failed", "error", err.Error())
		return err
	}
	return nil
}

// Main opens the engine in this process and serves it until ctx ends or
// SIGTERM arrives. SIGINT and SIGHUP are ignored: they reach the whole group
// of a terminal, and the engine has to outlive its parent's draining. A
// process can open one engine once.
func Main(ctx context.Context, o Options, log *slog.Logger) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	started := time.Now()
	path, err := FindLibrary(o.Library)
	if err != nil {
		return err
	}
	release, err := lockDirectory(o.Dir)
	if err != nil {
		return err
	}
	defer release()
	lib, err := loadLibrary(path)
	if err != nil {
		return err
	}
	copied, err := checkVersion(o.Dir, lib.version())
	if err != nil {
		return err
	}
	if copied != "" {
		log.Info("the engine is newer than its directory: the data was copied first", "copy", copied, "kept_days", int(keepCopy.Hours()/24))
	}
	p, err := openDirectory(lib, o)
	if err != nil {
		return err
	}
	listener, err := listen(o.Socket)
	if err != nil {
		p.close()
		return err
	}
	log.Info("engine ready", "version", lib.version(), "library", path, "dir", o.Dir, "took_ms", time.Since(started).Milliseconds())
	go keepTidy(ctx, o.Dir, log)
	return serve(ctx, lib, p, listener, log)
}

// openDirectory opens the sessions of the engine on its directory.
func openDirectory(lib *library, o Options) (*pool, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	args, err := connectArgs(dir, o.ConfigXML)
	if err != nil {
		return nil, err
	}
	reads, writes := o.Reads, o.Writes
	if reads <= 0 {
		reads = 4
	}
	if writes <= 0 {
		writes = 2
	}
	return openPool(lib, args, reads, writes)
}

// listen opens the unix socket path for this user only. What stands there is
// left from a killed engine: the directory's lock says that none is running.
func listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("engine: remove the old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("engine: listen: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("engine: listen: %w", err), l.Close())
	}
	return l, nil
}

// serve answers until ctx ends, lets running statements end, kills those that
// do not, and stops the library.
func serve(ctx context.Context, lib *library, p *pool, l net.Listener, log *slog.Logger) error {
	handler, err := newServer(p)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	requests, cancelRequests := context.WithCancel(context.Background())
	defer cancelRequests()
	h := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return requests },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("engine: serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if h.Shutdown(drain) != nil {
		cancelRequests() // kills what still runs
		kill, cancel := context.WithTimeout(context.Background(), killTime)
		defer cancel()
		if err := h.Shutdown(kill); err != nil {
			return fmt.Errorf("engine: statements did not end in %s and were left: %w", drainTime+killTime, err)
		}
	}
	return stopLibrary(lib, p)
}

// stopLibrary closes the sessions and waits for the library's threads.
func stopLibrary(lib *library, p *pool) error {
	stopped := make(chan int32, 1)
	go func() {
		p.close()
		stopped <- lib.shutdown()
	}()
	select {
	case <-stopped: // threads that are still there end with the process
		return nil
	case <-time.After(killTime):
		return fmt.Errorf("engine: the library did not stop in %s", killTime)
	}
}

// keepTidy removes the copies of old upgrades when their time has come.
func keepTidy(ctx context.Context, dir string, log *slog.Logger) {
	for {
		if err := removeOldCopies(dir, time.Now()); err != nil {
			log.Warn("an old copy of the data could not be removed", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Hour):
		}
	}
}
