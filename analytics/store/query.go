package store

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Rows is the answer of a query, read row by row. Close it.
type Rows struct {
	rows driver.Rows
	op   string
}

// Query runs a SELECT. params fill its {name:Type} parameters: text, numbers,
// booleans, time.Time and slices of them. Settings stand in the statement's own
// SETTINGS clause. The statement cannot change anything (readonly = 2). The
// context's end cancels it.
func (s *Store) Query(ctx context.Context, sql string, params map[string]any) (*Rows, error) {
	return s.query(ctx, "query", sql, params)
}

func (s *Store) query(ctx context.Context, op, sql string, params map[string]any) (*Rows, error) {
	args := make([]any, 0, len(params))
	for name, value := range params {
		args = append(args, clickhouse.Named(name, value))
	}
	// 1 would forbid the statement its SETTINGS clause as well.
	settings := clickhouse.Settings{"readonly": 2}
	if n, _ := ctx.Value(threads{}).(int); n > 0 && s.embedded {
		settings["max_threads"] = n
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(settings))
	rows, err := s.conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap(op, err)
	}
	return &Rows{rows, op}, nil
}

// texts reads a statement's only column.
func (s *Store) texts(ctx context.Context, op, sql string, params map[string]any) (all []string, err error) {
	rows, err := s.query(ctx, op, sql, params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// threads is the key of Threads in a context.
type threads struct{}

// Threads bounds how many threads of the embedded engine each statement has that
// is asked with the context; 0 leaves it to the engine. A server's operator decides
// that for the server.
func Threads(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, threads{}, n)
}

// Next moves to the next row; false at the end and at an error (see Err).
func (r *Rows) Next() bool { return r.rows.Next() }

// Scan copies the row's values, in the order of the columns, each into a
// pointer to the Go type of its column: uint64 for UInt64, float64, string,
// bool, time.Time, []T for Array(T), *T for Nullable(T).
func (r *Rows) Scan(dest ...any) error { return wrap(r.op, r.rows.Scan(dest...)) }

// Columns returns the columns' names.
func (r *Rows) Columns() []string { return r.rows.Columns() }

// Err returns what ended the rows early.
func (r *Rows) Err() error { return wrap(r.op, r.rows.Err()) }

// Close ends the query.
func (r *Rows) Close() error { return wrap(r.op, r.rows.Close()) }
