package engine

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is libchdb loaded into this process: its C functions under Go
// signatures. Handles are opaque addresses owned by the library. A process
// loads it once and opens one directory with it.
type library struct {
	version           func() string
	setSignalHandlers func(enabled int32)
	connect           func(argc int32, argv unsafe.Pointer) *uintptr
	closeConn         func(conn *uintptr)
	shutdown          func() int32

	queryParams  statementFunc
	streamParams statementFunc
	streamFetch  func(conn, stream uintptr) uintptr
	streamCancel func(conn, stream uintptr)

	insertOpen    statementFunc
	insertAppend  func(stream uintptr, data unsafe.Pointer, n uintptr) int32
	insertDone    func(stream uintptr) uintptr
	insertError   func(stream uintptr) string
	insertDestroy func(stream uintptr)

	resultBuffer       func(result uintptr) *byte
	resultLength       func(result uintptr) uintptr
	resultError        func(result uintptr) string
	resultElapsed      func(result uintptr) float64
	resultRowsRead     func(result uintptr) uint64
	resultBytesRead    func(result uintptr) uint64
	resultRowsWritten  func(result uintptr) uint64
	resultBytesWritten func(result uintptr) uint64
	resultDestroy      func(result uintptr)

	classify func(conn uintptr, sql unsafe.Pointer, n uintptr, target unsafe.Pointer, tn uintptr, out unsafe.Pointer) int32
}

// loadLibrary maps the shared library at path into the process and binds the
// functions this package uses; a library that lacks one is refused by name.
// The library is told to leave the process's signal handlers to Go.
func loadLibrary(path string) (lib *library, err error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("engine: load %s: %w", path, err)
	}
	lib = &library{}
	for _, f := range lib.functions() {
		address, err := purego.Dlsym(handle, f.symbol)
		if err != nil {
			return nil, fmt.Errorf("engine: %s lacks %s (wanted: the version in package-lock.json): %w", path, f.symbol, err)
		}
		purego.RegisterFunc(f.target, address)
	}
	lib.setSignalHandlers(0)
	return lib, nil
}

// statementFunc is the shape that the library's *_with_params_n functions share.
type statementFunc = func(conn uintptr, query unsafe.Pointer, n uintptr, format unsafe.Pointer, fn uintptr,
	names, nameLens, values, valueLens unsafe.Pointer, count uintptr) uintptr

type function struct {
	target any
	symbol string
}

func (l *library) functions() []function {
	return []function{
		{&l.version, "chdb_version"},
		{&l.setSignalHandlers, "chdb_set_signal_handlers_enabled"},
		{&l.connect, "chdb_connect"},
		{&l.closeConn, "chdb_close_conn"},
		{&l.shutdown, "chdb_shutdown"},
		{&l.queryParams, "chdb_query_with_params_n"},
		{&l.streamParams, "chdb_stream_query_with_params_n"},
		{&l.streamFetch, "chdb_stream_fetch_result"},
		{&l.streamCancel, "chdb_stream_cancel_query"},
		{&l.insertOpen, "chdb_stream_insert_with_params_n"},
		{&l.insertAppend, "chdb_stream_append"},
		{&l.insertDone, "chdb_stream_done"},
		{&l.insertError, "chdb_stream_insert_error"},
		{&l.insertDestroy, "chdb_destroy_insert_stream"},
		{&l.resultBuffer, "chdb_result_buffer"},
		{&l.resultLength, "chdb_result_length"},
		{&l.resultError, "chdb_result_error"},
		{&l.resultElapsed, "chdb_result_elapsed"},
		{&l.resultRowsRead, "chdb_result_storage_rows_read"},
		{&l.resultBytesRead, "chdb_result_storage_bytes_read"},
		{&l.resultRowsWritten, "chdb_result_rows_written"},
		{&l.resultBytesWritten, "chdb_result_bytes_written"},
		{&l.resultDestroy, "chdb_destroy_query_result"},
		{&l.classify, "chdb_classify_query_n"},
	}
}

// connectArgs calls chdb_connect with the options args.
func (l *library) connectArgs(args []string) *uintptr {
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]unsafe.Pointer, 0, len(args)+2)
	for _, a := range append([]string{"clickhouse"}, args...) {
		argv = append(argv, pinned(&pin, a))
	}
	argv = append(argv, nil)
	p := l.connect(int32(len(argv)-1), unsafe.Pointer(&argv[0]))
	runtime.KeepAlive(argv)
	return p
}

// statement is one SQL text with its output format and the values of its
// {name:Type} parameters, in the escaped text form of the HTTP interface.
type statement struct {
	sql    string
	format string
	params []parameter
}

type parameter struct{ name, value string }

// call hands a statement to one of the library's *_with_params_n functions.
func (s statement) call(conn uintptr, f statementFunc) uintptr {
	var pin runtime.Pinner
	defer pin.Unpin()
	n := len(s.params)
	pointers := make([]unsafe.Pointer, 2*n+1)
	lengths := make([]uintptr, 2*n+1)
	for i, p := range s.params {
		pointers[i], lengths[i] = pinned(&pin, p.name), uintptr(len(p.name))
		pointers[n+i], lengths[n+i] = pinned(&pin, p.value), uintptr(len(p.value))
	}
	result := f(conn, pinned(&pin, s.sql), uintptr(len(s.sql)), pinned(&pin, s.format), uintptr(len(s.format)),
		unsafe.Pointer(&pointers[0]), unsafe.Pointer(&lengths[0]), unsafe.Pointer(&pointers[n]), unsafe.Pointer(&lengths[n]), uintptr(n))
	runtime.KeepAlive(pointers)
	runtime.KeepAlive(lengths)
	return result
}

// pinned copies s, ends it with a zero byte and keeps it in place until the
// pinner lets go.
func pinned(pin *runtime.Pinner, s string) unsafe.Pointer {
	c := make([]byte, len(s)+1)
	copy(c, s)
	pin.Pin(&c[0])
	return unsafe.Pointer(&c[0])
}

// result is the answer of a statement or one chunk of it.
type result struct {
	lib    *library
	handle uintptr
}

// bytes is the formatted output. It is the library's memory: valid until close.
func (r result) bytes() []byte {
	n := r.lib.resultLength(r.handle)
	if n == 0 {
		return nil
	}
	return unsafe.Slice(r.lib.resultBuffer(r.handle), n)
}

func (r result) close() { r.lib.resultDestroy(r.handle) }

func (r result) summary() summary {
	return summary{
		readRows: r.lib.resultRowsRead(r.handle), readBytes: r.lib.resultBytesRead(r.handle),
		writtenRows: r.lib.resultRowsWritten(r.handle), writtenBytes: r.lib.resultBytesWritten(r.handle),
		elapsed: r.lib.resultElapsed(r.handle),
	}
}

// summary is what a statement did, as X-ClickHouse-Summary reports it.
type summary struct {
	readRows, readBytes, writtenRows, writtenBytes uint64
	elapsed                                        float64 // seconds
}

// checked turns a handle into a result or the error it carries.
func (l *library) checked(handle uintptr) (result, error) {
	if handle == 0 {
		return result{}, errors.New("engine: the library returned no result")
	}
	if text := l.resultError(handle); text != "" {
		l.resultDestroy(handle)
		return result{}, parseException(text)
	}
	return result{lib: l, handle: handle}, nil
}
