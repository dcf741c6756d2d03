package server

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/currency"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// Limits of a hit, in bytes unless said otherwise.
const (
	maxURL   = 4096
	maxName  = 128
	maxOrder = 128
	maxProps = 8
	maxProp  = 128
	maxID    = 64
	maxAge   = 24 * time.Hour // as long as ids are remembered
)

// fill checks the parts that pixel and events have in common. The error names
// the part and what to write; it never repeats what was sent.
func (h *hit) fill(st *site.Site, kind, value, id string, age time.Duration) error {
	k, err := event.ParseKind(kind)
	if err != nil || k == event.Visit || k == event.MailOpen || k == event.MailClick {
		return errors.New("kind: write page_view, custom, impression, click, conversion or refund")
	}
	h.kind = k
	if err := h.checkText(); err != nil {
		return err
	}
	if age < 0 || age > maxAge {
		return errors.New("age: milliseconds since the event happened, 0 to 86400000")
	}
	h.age = age
	if h.id, err = parseHitID(st, id); err != nil {
		return err
	}
	if k == event.Custom && h.name == "" {
		return errors.New("name: a custom event needs one")
	}
	return h.fillMoney(st, value)
}

func (h *hit) checkText() error {
	for _, t := range []struct {
		name, text string
		limit      int
	}{
		{"url", h.url, maxURL}, {"referrer", h.referrer, maxURL}, {"name", h.name, maxName}, {"order", h.order, maxOrder},
	} {
		if len(t.text) > t.limit {
			return fmt.Errorf("%s: at most %d bytes", t.name, t.limit)
		}
		if !utf8.ValidString(t.text) {
			return fmt.Errorf("%s: must be UTF-8", t.name)
		}
	}
	if len(h.props) > maxProps {
		return fmt.Errorf("props: at most %d", maxProps)
	}
	for name, v := range h.props {
		if len(name) > maxProp || len(v) > maxProp || !utf8.ValidString(name) || !utf8.ValidString(v) {
			return fmt.Errorf("props: names and values are UTF-8 of at most %d bytes", maxProp)
		}
	}
	return nil
}

// fillMoney reads value and currency of a conversion or a refund. A refund
// names the order that it takes back.
func (h *hit) fillMoney(st *site.Site, value string) error {
	if h.kind != event.Conversion && h.kind != event.Refund {
		if value != "" {
			return errors.New("value: only a conversion or a refund has one")
		}
		h.currency, h.order = "", ""
		return nil
	}
	if h.kind == event.Refund && (h.order == "" || value == "") {
		return errors.New("order, value: a refund needs both, the value positive")
	}
	var err error
	if h.value, err = parseAmount(value); err != nil {
		return err
	}
	if h.currency == "" && st != nil {
		h.currency = st.Currency
		return nil
	}
	unit, err := currency.ParseISO(h.currency)
	if err != nil {
		return errors.New("currency: three letters of ISO 4217, such as CNY")
	}
	h.currency = unit.String()
	return nil
}

// parseAmount reads a decimal number of at most 11 digits before the point
// and 4 behind it.
func parseAmount(text string) (event.Amount, error) {
	if text == "" {
		return 0, nil
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) == 0 || len(whole) > 11 || len(fraction) > event.Decimals {
		return 0, errAmount
	}
	n, err := strconv.ParseUint(whole+fraction+"0000"[len(fraction):], 10, 63)
	if err != nil {
		return 0, errAmount
	}
	return event.Amount(n), nil
}

var errAmount = errors.New("value: a positive decimal number such as 129.90, at most 11 digits before the point and 4 behind it")

// parseHitID hashes the id that a client gave, bound to the site, so that the
// same one is kept once and whatever it was made of cannot be read back.
func parseHitID(st *site.Site, id string) ([16]byte, error) {
	var none [16]byte
	if id == "" || st == nil {
		return none, nil
	}
	if len(id) > maxID {
		return none, fmt.Errorf("id: at most %d characters", maxID)
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return none, errors.New("id: letters, digits, - and _")
		}
	}
	var text [len("event/") + 32 + 1 + maxID]byte
	b := append(text[:0], "event/"...)
	b = append(b, st.ID...)
	b = append(b, '/')
	sum := sha256.Sum256(append(b, id...))
	copy(none[:], sum[:])
	return none, nil
}
