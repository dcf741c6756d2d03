package store

import (
	"context"
	"strconv"
	"time"
)

// Untold is an unsubscription that the sender's webhook has not taken yet.
type Untold struct {
	Key    uint64    // names it, and nobody
	Time   time.Time // when they left
	Sealed string    // the sender's ref and list, for identity.Ring.OpenRef
	Taken  time.Time // when ClickHouse took it, ms
}

// mailKey is an unsubscription's Key, over a row of mail_consents.
const mailKey = "sipHash64(toString(site), recipient, toUnixTimestamp(time))"

type told struct {
	site string
	key  uint64
	at   time.Time
}

var toldTable = table[told]{"mail_told", []column[told]{
	term("site", func(t *told) string { return t.site }),
	word("key", func(t *told) uint64 { return t.key }),
	second("told", func(t *told) time.Time { return t.at }),
}}

// UntoldPage says which of those who are to be told of MailUntold returns.
type UntoldPage struct {
	Since time.Time // what ClickHouse took before it is left out
	Most  int
	Wait  []uint64 // keys that are left out: it is too soon to try them again
	Again []uint64 // keys to try again, whenever they were taken: after all others
}

// MailUntold returns who left a site by a mail's link that has a name of the
// sender's and was not told yet, in the order in which ClickHouse took them.
func (s *Store) MailUntold(ctx context.Context, site string, p UntoldPage) (list []Untold, err error) {
	params := map[string]any{"site": site, "since": max(0, p.Since.UnixMilli())}
	which, order := "taken >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')", "taken, key"
	if len(p.Again) > 0 {
		params["again"] = p.Again
		which, order = "("+which+" OR key IN {again:Array(UInt64)})", "key IN {again:Array(UInt64)}, "+order
	}
	if len(p.Wait) > 0 {
		params["wait"] = p.Wait
		which += " AND key NOT IN {wait:Array(UInt64)}"
	}
	rows, err := s.query(ctx, "read who is to be told of", "SELECT "+mailKey+" AS key, time, sealed, taken FROM mail_consents "+
		"WHERE site = {site:String} AND mailing = 2 AND sealed != '' AND "+which+
		" AND key GLOBAL NOT IN (SELECT key FROM mail_told WHERE site = {site:String}) ORDER BY "+order+" LIMIT 1 BY key LIMIT "+strconv.Itoa(p.Most), params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u Untold
		if err := rows.Scan(&u.Key, &u.Time, &u.Sealed, &u.Taken); err != nil {
			return nil, err
		}
		u.Time, u.Taken = u.Time.UTC(), u.Taken.UTC()
		list = append(list, u)
	}
	return list, rows.Err()
}

// MailTold says that the sender was told.
func (s *Store) MailTold(ctx context.Context, site string, keys []uint64) error {
	if s.wound.has(site) {
		return nil // what it would be noted of is gone
	}
	rows := make([]*told, len(keys))
	for i, key := range keys {
		rows[i] = &told{site, key, s.now()}
	}
	return put(ctx, s, toldTable, rows)
}
