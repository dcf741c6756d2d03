package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

const (
	// statementPage bounds one answer of Statements.
	statementPage = 50_000
	// nearOverlap is by how much each question for what is new reaches back, and
	// overlap by how much one a minute does: an import of millions is not read again
	// every second.
	nearOverlap = 10 * time.Second
	farEvery    = time.Minute
)

// Statements returns what mail recipients said, on any node and through the
// console, since a cursor of its own; "" is the beginning. Proofs, names of who
// says so, and sealed refs are left out: an edge needs none of them. Statements
// come in the order in which ClickHouse took them, and some of the last minutes
// again. more says that the page is full.
func (s *Store) Statements(ctx context.Context, since string) (all []event.Statement, cursor string, more bool, err error) {
	from, err := parseStatementCursor(since)
	if err != nil {
		return nil, "", false, err
	}
	if now := s.now(); from.key == (statementKey{}) && now.Sub(time.UnixMilli(from.far)).Abs() >= farEvery {
		from.far, from.taken = now.UnixMilli(), max(0, from.newest-overlap.Milliseconds())
	}
	rows, err := s.query(ctx, "read mail statements", "SELECT site, recipient, time, mail_open, mail_click, mailing, taken FROM mail_consents "+
		"WHERE taken >= fromUnixTimestamp64Milli({after:Int64}, 'UTC') AND (taken, recipient, toInt64(toUnixTimestamp(time)), site) > (fromUnixTimestamp64Milli({after:Int64}, 'UTC'), {recipient:UInt64}, {time:Int64}, {site:String}) "+
		"ORDER BY taken, recipient, time, site LIMIT "+strconv.Itoa(statementPage)+" WITH TIES",
		map[string]any{"after": from.taken, "recipient": from.key.recipient, "time": from.key.time, "site": from.key.site})
	if err != nil {
		return nil, "", false, err
	}
	defer rows.Close()
	last := from
	for rows.Next() {
		var st event.Statement
		var open, click, mail uint8
		var taken time.Time
		if err := rows.Scan(&st.Site, &st.Recipient, &st.Time, &open, &click, &mail, &taken); err != nil {
			return nil, "", false, err
		}
		st.Time = st.Time.UTC()
		st.Open, st.Click, st.All = event.Choice(open), event.Choice(click), event.Choice(mail)
		last.taken, last.key = taken.UnixMilli(), statementKey{st.Recipient, st.Time.Unix(), st.Site}
		all = append(all, st)
	}
	last.newest = max(from.newest, last.taken)
	if more = len(all) >= statementPage; !more {
		last.taken, last.key = max(0, last.newest-nearOverlap.Milliseconds()), statementKey{}
	}
	return all, last.String(), more, rows.Err()
}

// statementCursor is a place in the order of statements: what follows (taken, key)
// comes next. newest is the latest that any page had, far when a question last
// reached far back.
type statementCursor struct {
	taken, newest, far int64 // ms
	key                statementKey
}

type statementKey struct {
	recipient uint64
	time      int64 // s
	site      string
}

func (c statementCursor) String() string {
	var b []byte
	for _, n := range []int64{c.taken, c.newest, c.far, c.key.time} {
		b = append(strconv.AppendInt(b, n, 10), ' ')
	}
	return string(append(strconv.AppendUint(b, c.key.recipient, 10), ' ')) + c.key.site
}

func parseStatementCursor(text string) (c statementCursor, err error) {
	if text == "" {
		return c, nil
	}
	for _, n := range []*int64{&c.taken, &c.newest, &c.far, &c.key.time} {
		var part string
		part, text, _ = strings.Cut(text, " ")
		if *n, err = strconv.ParseInt(part, 10, 64); err != nil {
			return c, wrap("read the cursor of mail statements", err)
		}
	}
	recipient, site, _ := strings.Cut(text, " ")
	c.key.site = site
	c.key.recipient, err = strconv.ParseUint(recipient, 10, 64)
	return c, wrap("read the cursor of mail statements", err)
}
