package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// The control socket is where commands talk to the service that runs on a
// data_dir: net/http on a unix socket that only the service's user may open.
const (
	controlSocket = "kunji.sock"
	// maxSocketPath is what every system takes for the path of a unix socket.
	maxSocketPath = 103
	// maxControlAnswer bounds what a command reads of an answer.
	maxControlAnswer = 64 << 20
)

// controlPath is where the socket of a data_dir is; a path too long for a
// socket is shortened to one that starts at the working directory.
func controlPath(dataDir string) (string, error) {
	path := filepath.Join(dataDir, controlSocket)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	here, err := os.Getwd()
	if err == nil {
		if abs, err := filepath.Abs(path); err == nil {
			if short, err := filepath.Rel(here, abs); err == nil && len(short) <= maxSocketPath {
				return short, nil
			}
		}
	}
	return "", fmt.Errorf("%s is too long for a unix socket (%d bytes): choose a shorter data_dir", path, maxSocketPath)
}

// listenControl opens the socket. The caller holds the lock on dataDir, so a
// file of that name is left over from a service that died.
func listenControl(dataDir string) (net.Listener, error) {
	path, err := controlPath(dataDir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	// data_dir is 0700, so nobody else gets in between the two calls.
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return ln, nil
}

// controlHandler is what commands may ask of the running service.
func (s *service) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /spool/asides", answerControl(func(*http.Request) (any, error) { return listAsides(s.spool) }))
	mux.HandleFunc("GET /ledger/heads", answerControl(func(*http.Request) (any, error) { return listHeads(s.spool) }))
	mux.HandleFunc("POST /mail/instrument", answerControl(s.controlInstrument))
	mux.HandleFunc("POST /spool/replay", answerControl(func(r *http.Request) (any, error) {
		var batches []uint64
		if err := json.NewDecoder(r.Body).Decode(&batches); err != nil {
			return nil, fmt.Errorf("which batches: %w", err)
		}
		return replayAsides(s.spool, batches)
	}))
	mux.HandleFunc("POST /backup", patiently(answerControl(func(r *http.Request) (any, error) {
		var order backupOrder
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			return nil, fmt.Errorf("where to: %w", err)
		}
		return s.makeBackup(r.Context(), order)
	})))
	mux.HandleFunc("POST /site/wind-down", answerControl(func(r *http.Request) (any, error) {
		var order windDownOrder
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			return nil, fmt.Errorf("which site: %w", err)
		}
		return s.windDown(r.Context(), order)
	}))
	mux.HandleFunc("POST /rights/erase", answerControl(func(r *http.Request) (any, error) {
		var order erasureOrder
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			return nil, fmt.Errorf("whom to erase: %w", err)
		}
		return s.erasePerson(r.Context(), order)
	}))
	return mux
}

// patiently lets an answer take as long as it does; who asked may leave.
func patiently(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h(w, r)
	}
}

// answerControl writes what f returns as JSON, its error as {"error"}.
func answerControl(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := f(r)
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			answer = map[string]string{"error": err.Error()}
		}
		_ = json.NewEncoder(w).Encode(answer) // the command may be gone
	}
}

// errNoService says that no service runs on the data_dir.
var errNoService = errors.New("no service runs on this data_dir")

// askService sends a request to the service that runs on dataDir and decodes
// its answer. It returns errNoService where none does.
func askService(ctx context.Context, dataDir, method, path string, question, answer any) error {
	socket, err := controlPath(dataDir)
	if err != nil {
		return err
	}
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://kunji"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: 5 * time.Second}
		return d.DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return errNoService
	}
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxControlAnswer))
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct{ Error string }
		if json.Unmarshal(b, &refused) != nil || refused.Error == "" {
			return fmt.Errorf("the service answered %s %s with %d: is it of this version?", method, path, resp.StatusCode)
		}
		return errors.New(refused.Error)
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("read the service's answer: %w", err)
	}
	return nil
}
