package report

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/kunjicloud/kunji/analytics/store"
)

// Watched is a source that tells, while its statements run, how many rows they
// have read.
type Watched struct {
	source Source
	mark   string // begins each statement, by which ClickHouse's list of them has it

	mu   sync.Mutex
	read map[string]int64 // by statement, as last seen: those that ended count on
}

// Watch makes a source whose statements are watched.
func Watch(src Source) *Watched {
	mark := make([]byte, 8)
	_, _ = rand.Read(mark) // never fails
	return &Watched{source: src, mark: hex.EncodeToString(mark), read: map[string]int64{}}
}

// Query asks the source.
func (w *Watched) Query(ctx context.Context, sql string, params map[string]any) (*store.Rows, error) {
	return w.source.Query(ctx, "-- "+w.mark+"\n"+sql, params)
}

const readSQL = `SELECT query_id, toInt64(read_rows) FROM system.processes WHERE position(query, {mark:String}) > 0`

// Rows returns how many rows were read so far, at least: what a statement read
// after the last call and before its end is not known.
func (w *Watched) Rows(ctx context.Context) (int64, error) {
	rows, err := w.source.Query(ctx, readSQL, map[string]any{"mark": w.mark})
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for rows.Next() {
		var id string
		var n int64
		if err := rows.Scan(&id, &n); err != nil {
			return 0, fmt.Errorf("how far the statements are: %w", err)
		}
		w.read[id] = n
	}
	sum := int64(0)
	for _, n := range w.read {
		sum += n
	}
	return sum, rows.Err()
}
