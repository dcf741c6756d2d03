package report

import (
	"context"
	_ "embed" // rates.sql
	"fmt"
	"math/big"
	"sync"

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

// rates are a site's exchange rates. They are asked for when an amount in
// another currency than the site's is met first: few sites have any.
type rates struct {
	own string // the site's currency
	ask func() (map[string][]rate, error)
}

func newRates(ctx context.Context, src Source, q Query) *rates {
	return &rates{q.Site.Currency, sync.OnceValues(func() (map[string][]rate, error) { return askRates(ctx, src, q) })}
}

// askRates returns rates by currency, earliest first.
func askRates(ctx context.Context, src Source, q Query) (map[string][]rate, error) {
	rows, err := src.Query(ctx, ratesSQL, map[string]any{"site": q.Site.ID, "to": q.To.String()})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	by := map[string][]rate{}
	for n := 1; rows.Next(); n++ {
		var currency string
		var day int32
		var one rate
		if err := rows.Scan(&currency, &day, &one.worth); err != nil {
			return nil, fmt.Errorf("rate %d of the answer: %w", n, err)
		}
		one.from = Day(day)
		by[currency] = append(by[currency], one)
	}
	return by, rows.Err()
}

// convert brings an amount of a day into the site's currency, by the rate that
// held on that day, rounded to ten-thousandths, halves away from zero. An
// amount without a currency is in the site's. ok is false, and the amount 0,
// where no rate is known. Its error is one of the source; the caller keeps no
// rows open meanwhile (together).
func (r *rates) convert(amount int64, currency string, day Day) (converted int64, ok bool, err error) {
	if currency == "" || currency == r.own {
		return amount, true, nil
	}
	by, err := r.ask()
	if err != nil {
		return 0, false, err
	}
	worth := int64(0)
	for _, one := range by[currency] {
		if one.from <= day {
			worth = one.worth
		}
	}
	if worth == 0 {
		return 0, false, nil
	}
	product := new(big.Int).Mul(big.NewInt(amount), big.NewInt(worth))
	half := big.NewInt(rateUnit / 2)
	if product.Sign() < 0 {
		half.Neg(half)
	}
	product.Quo(product.Add(product, half), big.NewInt(rateUnit))
	return product.Int64(), product.IsInt64(), nil
}
