package report

import (
	"context"
	_ "embed" // sales.sql
	"fmt"
)

//go:embed query/sales.sql
var salesSQL string

// sale is the conversions and refunds of one day that came from one place.
type sale struct {
	day                               Day
	consented                         bool
	channel, source, medium, campaign string
	conversions                       int64
	value, refunds                    int64 // ten-thousandths of the site's currency
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
// that has them reads them here, so that they agree.
func askSales(ctx context.Context, src Source, q Query) ([]sale, error) {
	rows, err := src.Query(ctx, salesSQL, map[string]any{
		"site": q.Site.ID, "currency": q.Site.Currency, "from": q.From.String(), "to": q.To.String(),
	})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sales []sale
	for rows.Next() {
		var s sale
		var day int32
		err := rows.Scan(&day, &s.consented, &s.channel, &s.source, &s.medium, &s.campaign,
			&s.conversions, &s.value, &s.refunds, &s.otherCurrencies)
		if err != nil {
			return nil, fmt.Errorf("sale %d of the answer: %w", len(sales)+1, err)
		}
		s.day = Day(day)
		sales = append(sales, s)
	}
	return sales, rows.Err()
}
