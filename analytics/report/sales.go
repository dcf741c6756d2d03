package report

import (
	"cmp"
	"context"
	_ "embed" // sales.sql
	"fmt"
)

//go:embed query/sales.sql
var salesSQL string

// sale is the conversions and refunds of one day that came from one place.
type sale struct {
	day                               Day
	bucket                            int64 // 0, or the minute or hour of it in seconds since 1970
	currency                          string
	consented                         bool
	channel, source, medium, campaign string
	content, term                     string
	conversions                       int64
	refunded                          int64 // orders
	value, refunds                    int64 // ten-thousandths of currency, then of the site's
	otherCurrencies                   int64
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
// rate they are counted as otherCurrencies and in no sum.
func askSales(ctx context.Context, src Source, q Query) ([]sale, error) {
	rows, err := src.Query(ctx, salesSQL, map[string]any{
		"site": q.Site.ID, "from": q.From.String(), "to": q.To.String(), "bucket": q.Options.By.bucket(), "zone": q.Site.Zone.String(),
	})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sales []sale
	for rows.Next() {
		var s sale
		var day int32
		err := rows.Scan(&day, &s.bucket, &s.consented, &s.channel, &s.source, &s.medium, &s.campaign, &s.content, &s.term, &s.currency,
			&s.conversions, &s.refunded, &s.value, &s.refunds)
		if err != nil {
			return nil, fmt.Errorf("sale %d of the answer: %w", len(sales)+1, err)
		}
		s.day = Day(day)
		sales = append(sales, s)
	}
	if err := cmp.Or(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	rates, err := q.rates()
	if err != nil {
		return nil, err
	}
	for i := range sales {
		sales[i].exchange(rates)
	}
	return sales, nil
}

// exchange brings the amounts into the site's currency.
func (s *sale) exchange(rates *rates) {
	var sold, back bool
	s.value, sold = rates.convert(s.value, s.currency, s.day)
	s.refunds, back = rates.convert(s.refunds, s.currency, s.day)
	if !sold || !back {
		s.otherCurrencies = s.conversions + s.refunded
		s.value, s.refunds = 0, 0
	}
}
