package report

import (
	"context"
	_ "embed" // newest.sql
	"fmt"
	"sync"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
)

// Source answers SELECT statements, read only; *store.Store is one. Parameters
// stand in the statement as {name:Type}. A cancelled context ends the
// statement in the engine too.
type Source interface {
	Query(ctx context.Context, sql string, params map[string]any) (*store.Rows, error)
}

// together asks several things at once. The first error ends the others. None of
// them may keep rows open while it waits for another: sessions of the engine are
// few.
//
// Each keeps to one thread of the engine: where they have two each, on as many
// processors, all of them take a sixth longer (measured). Who reads events beside
// what is small gives itself what there is.
func together(ctx context.Context, asks ...func(context.Context) error) error {
	if len(asks) > 1 {
		ctx = store.Threads(ctx, 1)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	for _, ask := range asks {
		wait.Go(func() {
			if err := ask(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

//go:embed query/newest.sql
var newestSQL string

// newestRow returns the time of the newest event that the store holds of a
// site; the zero time where it holds none.
func newestRow(ctx context.Context, src Source, siteID string) (time.Time, error) {
	rows, err := src.Query(ctx, newestSQL, map[string]any{"site": siteID})
	if err != nil {
		return time.Time{}, err
	}
	defer rows.Close()
	var ms int64
	for rows.Next() {
		if err := rows.Scan(&ms); err != nil {
			return time.Time{}, fmt.Errorf("the newest event: %w", err)
		}
	}
	if ms == 0 {
		return time.Time{}, rows.Err()
	}
	return time.UnixMilli(ms).UTC(), rows.Err()
}

// Action is one line of the audit log.
type Action = store.Action
