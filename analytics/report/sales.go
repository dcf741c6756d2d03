package report

import (
	"context"
	_ "embed" // each_sale.sql, sold.sql, sold_places.sql, refunds.sql, refunds_any.sql
	"fmt"
	"slices"
	"strings"

	"github.com/kunjicloud/kunji/analytics/store"
)

//go:embed query/each_sale.sql
var eachSaleSQL string

//go:embed query/sold.sql
var soldSQL string

//go:embed query/sold_places.sql
var soldPlacesSQL string

//go:embed query/refunds.sql
var refundsSQL string

//go:embed query/refunds_any.sql
var refundsAnySQL string

// sale is the conversions or the refunds of one day that came from one place.
type sale struct {
	day             Day
	bucket          int64 // 0, or the minute or hour of it in seconds since 1970
	currency        string
	place           uint64     // hash of where from; 0 where from says it
	from            *salePlace // nil where only place is known
	conversions     int64
	refunded        int64 // orders
	value, refunds  int64 // ten-thousandths of currency, then of the site's
	otherCurrencies int64
}

// salePlace is where a sale came from. Without consent to marketing it has no
// names.
type salePlace struct {
	consented                         bool
	channel, source, medium, campaign string
	content, term                     string
}

// saleMetrics are the columns that sales fill, in the order of figures.
func saleMetrics(currency string) []Column {
	return []Column{
		{"conversions", Integer, ""},
		{"value", Number, currency},
		{"refunds", Number, currency},
	}
}

func (s *sale) figures() []int64 { return []int64{s.conversions, s.value, s.refunds} }

// askSales reads the conversions and refunds of the query's days. Every report
// that has them reads them here, so that they agree. Amounts in another
// currency are converted by the day's rate, each day's sum at once; without a
// rate they are counted as otherCurrencies and in no sum. Where they came from is
// known where places are asked for, and of refunds.
func askSales(ctx context.Context, src Source, q Query, places bool) ([]sale, error) {
	var sold, refunds []sale
	err := together(ctx,
		func(ctx context.Context) (err error) { sold, err = askSold(ctx, src, q, places); return err },
		func(ctx context.Context) (err error) { refunds, err = askRefunds(ctx, src, q); return err },
	)
	if err != nil {
		return nil, err
	}
	sales := slices.Concat(sold, refunds)
	for i := range sales {
		if err := sales[i].exchange(q.rates); err != nil {
			return nil, err
		}
	}
	return sales, nil
}

func askSold(ctx context.Context, src Source, q Query, places bool) ([]sale, error) {
	place := "toUInt64(0)"
	if places {
		place = "place"
	}
	return readSales(ctx, src, q, eachSale(strings.Replace(soldSQL, "{{place}}", place, 1)), func(rows *store.Rows, s *sale, day *int32) error {
		var n uint64
		err := rows.Scan(day, &s.bucket, &s.place, &s.currency, &n, &s.value)
		s.conversions = int64(n)
		return err
	})
}

// eachSale puts the sales that count into a statement about them.
func eachSale(sql string) string { return strings.Replace(sql, "{{each_sale}}", eachSaleSQL, 1) }

func askRefunds(ctx context.Context, src Source, q Query) ([]sale, error) {
	var given uint64
	_, err := readSales(ctx, src, q, refundsAnySQL, func(rows *store.Rows, _ *sale, _ *int32) error { return rows.Scan(&given) })
	if err != nil || given == 0 {
		return nil, err
	}
	return readSales(ctx, src, q, refundsSQL, func(rows *store.Rows, s *sale, day *int32) error {
		s.from = new(salePlace)
		p := s.from
		return rows.Scan(day, &s.bucket, &p.consented, &p.channel, &p.source, &p.medium, &p.campaign, &p.content, &p.term,
			&s.currency, &s.refunded, &s.refunds)
	})
}

func readSales(ctx context.Context, src Source, q Query, sql string, scan func(*store.Rows, *sale, *int32) error) ([]sale, error) {
	params := map[string]any{"site": q.Site.ID, "from": q.From.String(), "to": q.To.String()}
	if sql = strings.Replace(sql, "{{bucket}}", buckets[q.Options.By], 1); strings.Contains(sql, "{zone:") {
		params["zone"] = q.Site.Zone.String()
	}
	rows, err := src.Query(ctx, sql, params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sales []sale
	for rows.Next() {
		var s sale
		var day int32
		if err := scan(rows, &s, &day); err != nil {
			return nil, fmt.Errorf("sale %d of the answer: %w", len(sales)+1, err)
		}
		s.day = Day(day)
		sales = append(sales, s)
	}
	return sales, rows.Err()
}

// buckets are what sales are grouped by within a day: nothing, or the local hour
// or the minute in seconds since 1970.
var buckets = [...]string{
	ByDay: "0", ByWeek: "0", ByMonth: "0",
	ByHour:   "toInt64(toUnixTimestamp(time)) - toMinute(toTimeZone(time, {zone:String})) * 60 - toSecond(time)",
	ByMinute: "toUnixTimestamp(time) - toSecond(time)",
}

// exchange brings the amounts into the site's currency.
func (s *sale) exchange(rates *rates) error {
	value, sold, err := rates.convert(s.value, s.currency, s.day)
	if err != nil {
		return err
	}
	refunds, back, err := rates.convert(s.refunds, s.currency, s.day)
	if s.value, s.refunds = value, refunds; !sold || !back {
		s.otherCurrencies = s.conversions + s.refunded
		s.value, s.refunds = 0, 0
	}
	return err
}

// namePlaces fills in where those sales came from whose place is not known. Who
// was erased since they were counted leaves none.
func namePlaces(ctx context.Context, src Source, q Query, sales []sale, known func(place uint64) bool) error {
	var places []uint64
	for _, s := range sales {
		if s.from == nil && !known(s.place) {
			places = append(places, s.place)
		}
	}
	if len(places) == 0 {
		return nil
	}
	slices.Sort(places)
	rows, err := src.Query(ctx, soldPlacesSQL, map[string]any{"site": q.Site.ID, "places": slices.Compact(places)})
	if err != nil {
		return err
	}
	defer rows.Close()
	names := map[uint64]*salePlace{}
	for rows.Next() {
		var place uint64
		var p salePlace
		if err := rows.Scan(&place, &p.consented, &p.channel, &p.source, &p.medium, &p.campaign, &p.content, &p.term); err != nil {
			return fmt.Errorf("place %d of the answer: %w", len(names)+1, err)
		}
		names[place] = &p
	}
	for i := range sales {
		if s := &sales[i]; s.from == nil && !known(s.place) {
			s.from = names[s.place]
		}
	}
	return rows.Err()
}
