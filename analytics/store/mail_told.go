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

// MailUntold returns who left a site by a mail's link that has a name of the
// sender's and was not told yet: the first ones that ClickHouse took from a
// moment on, at most most.
func (s *Store) MailUntold(ctx context.Context, site string, since time.Time, most int) (list []Untold, err error) {
	rows, err := s.query(ctx, "read who is to be told of", "SELECT sipHash64(toString(site), recipient, toUnixTimestamp(time)) AS key, time, sealed, taken FROM mail_consents "+
		"WHERE site = {site:String} AND mailing = 2 AND sealed != '' AND taken >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') "+
		"AND key GLOBAL NOT IN (SELECT key FROM mail_told WHERE site = {site:String}) ORDER BY taken, key LIMIT 1 BY key LIMIT "+strconv.Itoa(most),
		map[string]any{"site": site, "since": max(0, since.UnixMilli())})
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
