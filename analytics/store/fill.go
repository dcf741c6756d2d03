package store

import (
	"context"
	"regexp"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// A view knows only what came after it. The tables of these files are filled
// with the events from before, by the view's own query, when Migrate made the
// view and before it records the file:
//
//	table ──▶ view ──▶ fill, a day at a time ──▶ recorded
//
// The view comes first, so that nothing which is inserted meanwhile is missed.
// What comes by both ways, or twice, because the fill was interrupted and begun
// again or two programs started at once, is one row: these tables replace rows
// that are alike, and whoever reads them counts such rows once before it too.
var filled = map[uint32]bool{60: true, 61: true}

// viewOfEvents matches the statements of the schema that make a view of events:
// where it leads, and its query around the name of that table.
var viewOfEvents = regexp.MustCompile(`(?s)^CREATE MATERIALIZED VIEW IF NOT EXISTS \w+ TO (\w+) AS\n(SELECT\b.*\nFROM )events\b(.*)$`)

// fill puts the events that there are into the tables of a migration.
func (s *Store) fill(ctx context.Context, m migration) error {
	statements, err := m.statements(form{database: s.database}) // in a cluster too: by the Distributed tables
	if err != nil {
		return err
	}
	days, err := s.siteDays(ctx, "SELECT DISTINCT site, toString(toDate(time)) AS day FROM events ORDER BY site, day")
	if err != nil || len(days) == 0 {
		return err
	}
	for _, statement := range statements {
		view := viewOfEvents.FindStringSubmatch(statement)
		if view == nil {
			continue
		}
		into, begin, end := view[1], view[2], view[3]
		s.log.Info("schema: events from before are put into a new table", "table", into, "days", len(days), "database", s.database)
		sql := "INSERT INTO " + into + " " + begin + "(SELECT * FROM events WHERE site = {site:String} AND toDate(time) = {day:Date})" + end +
			" SETTINGS max_bytes_before_external_group_by = 67108864, max_threads = 1"
		for _, d := range days { // one at a time: the people of all would fill the memory
			if err := s.change(ctx, "fill "+into, sql, clickhouse.Named("site", d.site), clickhouse.Named("day", d.day)); err != nil {
				return err
			}
		}
	}
	return nil
}
