package consent

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// Decision is what a visitor decided about one purpose.
type Decision uint8

// The decisions.
const (
	Unset Decision = iota
	Denied
	Granted
)

// String returns the decision's name in answers.
func (d Decision) String() string {
	switch d {
	case Granted:
		return "granted"
	case Denied:
		return "denied"
	}
	return "unset"
}

// Age is what a visitor said of being of age. The age itself is never kept.
type Age uint8

// The answers.
const (
	NotAsked Age = iota
	Unanswered
	Adult
	Minor
)

// String returns the answer's name in requests and in the ledger.
func (a Age) String() string {
	return [...]string{"", "unanswered", "adult", "minor"}[a]
}

// ParseAge finds an answer by its name.
func ParseAge(name string) (Age, error) {
	for a := NotAsked; a <= Minor; a++ {
		if a.String() == name {
			return a, nil
		}
	}
	return NotAsked, errors.New(`age: write "adult", "minor" or "unanswered"`)
}

// Choice is a decision about one version of a purpose.
type Choice struct {
	Decision Decision
	Version  int
}

// ServiceChoice is a decision about one declared service.
type ServiceChoice struct {
	ID      string
	Granted bool
}

// Record is a visitor's newest decision, as kj_consent carries it. Its zero
// value is "nothing decided".
type Record struct {
	Site     string
	Choices  [site.NumVisitorPurposes]Choice
	Services []ServiceChoice // by id
	Policy   int             // the policy's version shown
	Signal   bool            // Sec-GPC: 1 was sent
	Age      Age
	Guardian bool
	Day      int32    // days since 1970-01-01 UTC
	ID       [16]byte // zero where nothing is granted
}

// Grants reports whether the record grants anything.
func (r *Record) Grants() bool {
	for _, c := range r.Choices {
		if c.Decision == Granted {
			return true
		}
	}
	return false
}

// Narrows reports whether r, following old, takes back something that old
// granted: then old must never count again, however long a copy is kept.
func (r *Record) Narrows(old *Record) bool {
	for p, c := range old.Choices {
		if c.Decision == Granted && r.Choices[p].Decision != Granted {
			return true
		}
	}
	for _, s := range old.Services {
		if s.Granted && !r.ServiceGranted(s.ID) {
			return true
		}
	}
	return false
}

// ServiceGranted reports what was decided for one service alone; true where
// nothing was, since then its purpose decides.
func (r *Record) ServiceGranted(id string) bool {
	for _, s := range r.Services {
		if s.ID == id {
			return s.Granted
		}
	}
	return true
}

var letters = [site.NumVisitorPurposes]byte{site.Preferences: 'p', site.Analytics: 'a', site.Marketing: 'm', site.CrossBorder: 'x'}

const format = "1"

// AppendText writes the record as the cookie's payload:
//
//	1~site~p1g_a1d_m1g~ga4:d~policy~flags~day~record
//
// Flags: s the signal was sent; a adult, m minor, u unanswered; G a guardian
// said yes. Two decisions that grant nothing and were made on the same day are
// equal byte by byte.
func (r *Record) AppendText(dst []byte) []byte {
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
		dst = append(dst, identity.FormatID(r.ID)...)
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

// ParseRecord reads what AppendText wrote.
func ParseRecord(text []byte) (Record, error) {
	var r Record
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
	if r.Grants() != (r.ID != [16]byte{}) {
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
		if !ok {
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

// SetService decides about one service.
func (r *Record) SetService(id string, granted bool) {
	i, found := slices.BinarySearchFunc(r.Services, id, func(s ServiceChoice, id string) int { return strings.Compare(s.ID, id) })
	if !found {
		r.Services = slices.Insert(r.Services, i, ServiceChoice{ID: id})
	}
	r.Services[i].Granted = granted
}

// Ledger returns the decisions in the ledger's form.
func (r *Record) Ledger() (purposes []event.PurposeDecision, services []event.ServiceDecision) {
	for p := site.Preferences; int(p) < len(r.Choices); p++ {
		if c := r.Choices[p]; c.Decision != Unset {
			purposes = append(purposes, event.PurposeDecision{Purpose: p.String(), Version: c.Version, Granted: c.Decision == Granted})
		}
	}
	for _, s := range r.Services {
		services = append(services, event.ServiceDecision{Service: s.ID, Granted: s.Granted})
	}
	return purposes, services
}
