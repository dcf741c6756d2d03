package report

import (
	"context"
	_ "embed" // rates.sql
	"fmt"
	"math/big"

	"github.com/kunjicloud/kunji/analytics/store"
)

//go:embed query/rates.sql
var ratesSQL string

// rateUnit is one, as rates are counted.
const rateUnit = store.RateUnit

// rate is what one unit of a currency is worth from a day on.
type rate struct {
	from  Day
	worth int64 // hundred-millionths of the site's currency
}

// rates are a site's exchange rates: by currency, earliest first.
type rates struct {
	own string // the site's currency
	by  map[string][]rate
}

func askRates(ctx context.Context, src Source, q Query) (*rates, error) {
	rows, err := src.Query(ctx, ratesSQL, map[string]any{"site": q.Site.ID, "to": q.To.String()})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := &rates{own: q.Site.Currency, by: map[string][]rate{}}
	for n := 1; rows.Next(); n++ {
		var currency string
		var day int32
		var one rate
		if err := rows.Scan(&currency, &day, &one.worth); err != nil {
			return nil, fmt.Errorf("rate %d of the answer: %w", n, err)
		}
		one.from = Day(day)
		out.by[currency] = append(out.by[currency], one)
	}
	return out, rows.Err()
}

// readRates asks for the rates beside something else that will need them.
func (q *Query) readRates(context.Context) error {
	_, err := q.rates()
	return err
}

// convert brings an amount of a day into the site's currency, by the rate that
// held on that day, rounded to ten-thousandths, halves away from zero. An
// amount without a currency is in the site's. ok is false, and the amount 0,
// where no rate is known.
func (r *rates) convert(amount int64, currency string, day Day) (converted int64, ok bool) {
	if currency == "" || currency == r.own {
		return amount, true
	}
	worth := int64(0)
	for _, one := range r.by[currency] {
		if one.from <= day {
			worth = one.worth
		}
	}
	if worth == 0 {
		return 0, false
	}
	product := new(big.Int).Mul(big.NewInt(amount), big.NewInt(worth))
	half := big.NewInt(rateUnit / 2)
	if product.Sign() < 0 {
		half.Neg(half)
	}
	product.Quo(product.Add(product, half), big.NewInt(rateUnit))
	return product.Int64(), product.IsInt64()
}
