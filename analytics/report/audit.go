package report

import (
	"context"
	_ "embed" // audit.sql
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed query/audit.sql
var auditSQL string

// MaxAuditLines is how many lines one question may ask for.
const MaxAuditLines = 1000

// AuditQuery asks for lines of the audit log.
type AuditQuery struct {
	Sites        []string // whose lines; nil is all, and those about no site
	Site, Action string   // only these; empty is any
	Before       string   // where an earlier answer ended; empty is the newest
	Lines        int      // 1 to MaxAuditLines
}

// ReadAudit returns lines of the audit log, newest first, and where the next
// question goes on; "" where there are no more.
func ReadAudit(ctx context.Context, src Source, q AuditQuery) (lines []Action, next string, err error) {
	before, id, err := parseAuditPlace(q.Before)
	if err != nil {
		return nil, "", err
	}
	if q.Lines < 1 || q.Lines > MaxAuditLines {
		return nil, "", &Error{"lines", strconv.Itoa(q.Lines) + " lines cannot be asked for", fmt.Sprintf("write 1 to %d", MaxAuditLines)}
	}
	sites := q.Sites
	if sites == nil {
		sites = []string{}
	}
	rows, err := src.Query(ctx, auditSQL, map[string]any{
		"sites": sites, "site": q.Site, "action": q.Action, "before": before, "id": id, "lines": uint32(q.Lines + 1),
	})
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	for rows.Next() {
		var a Action
		var key string
		if err := rows.Scan(&a.Time, &a.Actor, &a.Action, &a.Site, &a.Detail, &key); err != nil {
			return nil, "", fmt.Errorf("the audit log: %w", err)
		}
		if len(lines) == q.Lines { // one more than was asked for: there are more
			return lines, auditPlace(lines[q.Lines-1].Time, id), rows.Err()
		}
		id = key
		lines = append(lines, a)
	}
	return lines, "", rows.Err()
}

// auditPlace names a place in the log: behind the line of this time and id.
func auditPlace(at time.Time, id string) string {
	return strconv.FormatInt(at.UnixMilli(), 10) + "." + id
}

func parseAuditPlace(text string) (before int64, id string, err error) {
	if text == "" {
		return 0, "", nil
	}
	ms, id, ok := strings.Cut(text, ".")
	before, err = strconv.ParseInt(ms, 10, 64)
	if !ok || err != nil || before <= 0 || len(id) != len("00000000-0000-0000-0000-000000000000") {
		return 0, "", &Error{"before", "is no place in the log", "take it from next of an earlier answer"}
	}
	return before, id, nil
}
