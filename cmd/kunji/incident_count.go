package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kunjicloud/kunji/analytics/report"
)

var (
	//go:embed incident/kinds.sql
	incidentKindsSQL string
	//go:embed incident/data.sql
	incidentDataSQL string
	//go:embed incident/places.sql
	incidentPlacesSQL string
	//go:embed incident/totals.sql
	incidentTotalsSQL string
	//go:embed incident/records.sql
	incidentRecordsSQL string
	//go:embed incident/recipients.sql
	incidentRecipientsSQL string
)

// concern is what an incident's days hold of a site.
type concern struct {
	Site     string `json:"site"`
	From     string `json:"from"`
	To       string `json:"to"`
	Timezone string `json:"timezone"`

	Events     int64 `json:"events"`
	Anonymous  int64 `json:"events_without_identifier"`
	Visitors   int64 `json:"visitors"`
	Recipients int64 `json:"recipients"`

	MinGroup int            `json:"min_group"`
	Kinds    []concernedRow `json:"kinds"`
	Data     []concernedRow `json:"data"`
	Places   []concernedRow `json:"places"`
	Records  int            `json:"consent_records"`
}

// concernedRow is a kind of event, of data, or a place, with the people that
// it stands for. Both figures are nil where they are fewer than MinGroup:
// a handful could be recognised (policy 2.3.3).
type concernedRow struct {
	Name   string `json:"name"`
	Events *int64 `json:"events"`
	People *int64 `json:"people"`
}

// concerned asks ClickHouse. The totals are exact: they name no group, and an
// authority must be told them (GDPR Art. 33(3)(a)).
func concerned(ctx context.Context, src report.Source, q *report.Query) (*concern, error) {
	c := &concern{
		Site: q.Site.ID, From: q.From.String(), To: q.To.String(), Timezone: q.Site.Zone.String(), MinGroup: q.Site.MinGroup,
	}
	err := ask(ctx, src, incidentTotalsSQL, incidentParams(q), func(scan func(...any) error) error {
		return scan(&c.Events, &c.Anonymous, &c.Visitors, &c.Recipients)
	})
	if err != nil {
		return nil, err
	}
	for _, list := range []struct {
		sql  string
		into *[]concernedRow
	}{{incidentKindsSQL, &c.Kinds}, {incidentDataSQL, &c.Data}} {
		*list.into = []concernedRow{}
		err := ask(ctx, src, list.sql, incidentParams(q), func(scan func(...any) error) error {
			var name string
			var events, people int64
			err := scan(&name, &events, &people)
			*list.into = append(*list.into, shownRow(name, events, people, c.MinGroup))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if c.Places, err = concernedPlaces(ctx, src, q); err != nil {
		return nil, err
	}
	return c, eachRecord(ctx, src, q, func(string) error { c.Records++; return nil })
}

func shownRow(name string, events, people int64, least int) concernedRow {
	if people > 0 && people < int64(least) {
		return concernedRow{Name: name}
	}
	return concernedRow{name, &events, &people}
}

// concernedPlaces returns where people were, the largest place first. Small
// places become one row, and so does the next larger one while that row is
// small itself: else the total less the others would show the handful again.
func concernedPlaces(ctx context.Context, src report.Source, q *report.Query) ([]concernedRow, error) {
	rows, folded := []concernedRow{}, concernedRow{Name: report.FoldedLabel(q.Site.MinGroup)}
	var events, people int64
	err := ask(ctx, src, incidentPlacesSQL, incidentParams(q), func(scan func(...any) error) error {
		var country, region string
		var n, of int64
		if err := scan(&country, &region, &n, &of); err != nil {
			return err
		}
		least := int64(q.Site.MinGroup)
		if of < least || people > 0 && people < least {
			events, people = events+n, people+of
			return nil
		}
		rows = append([]concernedRow{{placeName(country, region), &n, &of}}, rows...)
		return nil
	})
	if people > 0 {
		folded.Events, folded.People = &events, &people
		rows = append(rows, folded)
	}
	return rows, err
}

func placeName(country, region string) string {
	switch {
	case region != "":
		return region
	case country != "":
		return country
	}
	return "(unknown)"
}

// eachRecord hands over the id of every consent record concerned.
func eachRecord(ctx context.Context, src report.Source, q *report.Query, f func(id string) error) error {
	return ask(ctx, src, incidentRecordsSQL, incidentParams(q), func(scan func(...any) error) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		return f(id)
	})
}

func incidentParams(q *report.Query) map[string]any {
	return map[string]any{
		"site": q.Site.ID, "from": q.From.String(), "to": q.To.String(),
		"start": q.From.Start(q.Site.Zone).UTC(), "end": (q.To + 1).Start(q.Site.Zone).UTC(),
	}
}

// ask runs a statement and calls f for each of its rows.
func ask(ctx context.Context, src report.Source, sql string, params map[string]any, f func(scan func(...any) error) error) error {
	rows, err := src.Query(ctx, sql, params)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// writeJSON writes everything, the ids of the records last.
func (c *concern) writeJSON(ctx context.Context, w io.Writer, src report.Source, q *report.Query) error {
	ids := []string{}
	if err := eachRecord(ctx, src, q, func(id string) error { ids = append(ids, id); return nil }); err != nil {
		return err
	}
	c.Records = len(ids)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*concern
		IDs []string `json:"record_ids"`
	}{c, ids})
}

// whomToTell is what an operator can learn of people that are kept as hashes.
const whomToTell = `Recipients are kept as keyed hashes, which no command turns back into addresses. Whom to tell:
--format recipients < your-list.txt prints the addresses of your own list, one a line, that are concerned;
--format refs prints your ref and list of those concerned who left by a mail's link: no other refs are kept.
`

// writeText writes the same for a terminal, without the records' ids.
func (c *concern) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "Site %s, %s to %s (%s)\n\n", c.Site, c.From, c.To, c.Timezone)
	fmt.Fprintf(t, "visitors\t%d\nrecipients of mail\t%d\nevents\t%d\n  without identifier\t%d\nconsent records\t%d\n",
		c.Visitors, c.Recipients, c.Events, c.Anonymous, c.Records)
	for _, list := range []struct {
		name string
		rows []concernedRow
	}{{"kind of event", c.Kinds}, {"kind of data", c.Data}, {"last seen in", c.Places}} {
		fmt.Fprintf(t, "\n%s\tpeople\tevents\n", strings.ToUpper(list.name[:1])+list.name[1:])
		for _, r := range list.rows {
			if r.People == nil {
				fmt.Fprintf(t, "%s\tfewer than %d\t\n", r.Name, c.MinGroup)
				continue
			}
			fmt.Fprintf(t, "%s\t%d\t%d\n", r.Name, *r.People, *r.Events)
		}
	}
	fmt.Fprint(t, "\nThe records' ids: --format records, or json.\n", whomToTell)
	return t.Flush()
}
