package consent

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

var letters = [site.NumVisitorPurposes]byte{site.Preferences: 'p', site.Analytics: 'a', site.Marketing: 'm', site.CrossBorder: 'x'}

const format = "1"

// AppendText writes the record as the cookie's payload:
//
//	1~site~p1g_a1d_m1g~ga4:d~policy~flags~day~record
//
// Flags: s the signal was sent; a adult, m minor, u unanswered; G a guardian
// said yes. A record that grants nothing names no service, and of age only that
// it was asked for: nothing depends on them, and two people who refuse the same
// on the same day must not differ by a byte.
func (r *Record) AppendText(dst []byte) []byte {
	if !r.Grants() {
		refusal := Record{Site: r.Site, Choices: r.Choices, Policy: r.Policy, Signal: r.Signal, Day: r.Day}
		if r.Age != NotAsked {
			refusal.Age = Unanswered
		}
		return refusal.appendFields(dst)
	}
	return r.appendFields(dst)
}

func (r *Record) appendFields(dst []byte) []byte {
	dst = append(dst, format...)
	dst = append(dst, '~')
	dst = append(dst, r.Site...)
	dst = append(dst, '~')
	for p, n := site.Preferences, 0; int(p) < len(r.Choices); p++ {
		c := r.Choices[p]
		if c.Decision == Unset {
			continue
		}
		if n++; n > 1 {
			dst = append(dst, '_')
		}
		dst = append(dst, letters[p])
		dst = strconv.AppendInt(dst, int64(c.Version), 10)
		dst = append(dst, yesNo(c.Decision == Granted))
	}
	dst = append(dst, '~')
	for i, s := range r.Services {
		if i > 0 {
			dst = append(dst, '_')
		}
		dst = append(append(append(dst, s.ID...), ':'), yesNo(s.Granted))
	}
	dst = append(dst, '~')
	dst = strconv.AppendInt(dst, int64(r.Policy), 10)
	dst = append(dst, '~')
	dst = r.appendFlags(dst)
	dst = append(dst, '~')
	dst = strconv.AppendInt(dst, int64(r.Day), 10)
	dst = append(dst, '~')
	if r.ID != ([16]byte{}) {
		dst = identity.AppendID(dst, r.ID)
	}
	return dst
}

func yesNo(yes bool) byte {
	if yes {
		return 'g'
	}
	return 'd'
}

func (r *Record) appendFlags(dst []byte) []byte {
	if r.Signal {
		dst = append(dst, 's')
	}
	if r.Age != NotAsked {
		dst = append(dst, [...]byte{Unanswered: 'u', Adult: 'a', Minor: 'm'}[r.Age])
	}
	if r.Guardian {
		dst = append(dst, 'G')
	}
	return dst
}

// errText says that a payload is not a record's; it was signed, so only a
// newer program can have written it.
var errText = errors.New("not a consent record of a format known here")

// ParseRecord reads what AppendText wrote, and nothing that says the same in
// other words: a record has one text.
func ParseRecord(text []byte) (Record, error) {
	var r Record
	whole := text
	var fields [8][]byte
	for i := range fields {
		field, rest, more := bytes.Cut(text, []byte{'~'})
		if more == (i == len(fields)-1) {
			return Record{}, errText
		}
		fields[i], text = field, rest
	}
	if string(fields[0]) != format {
		return Record{}, errText
	}
	r.Site = string(fields[1])
	policy, err1 := strconv.Atoi(string(fields[4]))
	day, err2 := strconv.ParseInt(string(fields[6]), 10, 32)
	if err1 != nil || err2 != nil || !r.parseChoices(fields[2]) || !r.parseServices(fields[3]) || !r.parseFlags(fields[5]) {
		return Record{}, errText
	}
	r.Policy, r.Day = policy, int32(day)
	if len(fields[7]) > 0 {
		id, err := identity.ParseID(fields[7])
		if err != nil {
			return Record{}, errText
		}
		r.ID = id
	}
	var again [256]byte
	if r.Grants() != (r.ID != [16]byte{}) || !bytes.Equal(r.AppendText(again[:0]), whole) {
		return Record{}, errText
	}
	return r, nil
}

func (r *Record) parseChoices(text []byte) bool {
	for len(text) > 0 {
		var one []byte
		one, text, _ = bytes.Cut(text, []byte{'_'})
		if len(one) < 3 {
			return false
		}
		p := bytes.IndexByte(letters[:], one[0])
		version, err := strconv.Atoi(string(one[1 : len(one)-1]))
		decision, ok := parseYesNo(one[len(one)-1])
		if p <= 0 || err != nil || !ok || r.Choices[p].Decision != Unset {
			return false
		}
		r.Choices[p] = Choice{Decision: decision, Version: version}
	}
	return true
}

func parseYesNo(b byte) (Decision, bool) {
	switch b {
	case 'g':
		return Granted, true
	case 'd':
		return Denied, true
	}
	return Unset, false
}

func (r *Record) parseServices(text []byte) bool {
	for len(text) > 0 {
		var one []byte
		one, text, _ = bytes.Cut(text, []byte{'_'})
		id, answer, ok := bytes.Cut(one, []byte{':'})
		if !ok || len(answer) != 1 || len(id) == 0 {
			return false
		}
		d, ok := parseYesNo(answer[0])
		if n := len(r.Services); !ok || n > 0 && r.Services[n-1].ID >= string(id) {
			return false
		}
		r.Services = append(r.Services, ServiceChoice{ID: string(id), Granted: d == Granted})
	}
	return true
}

func (r *Record) parseFlags(text []byte) bool {
	for _, b := range text {
		switch b {
		case 's':
			r.Signal = true
		case 'u':
			r.Age = Unanswered
		case 'a':
			r.Age = Adult
		case 'm':
			r.Age = Minor
		case 'G':
			r.Guardian = true
		default:
			return false
		}
	}
	return true
}
