package withdrawal

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Choice is what a recipient said about one purpose.
type Choice uint8

// The choices.
const (
	Unset Choice = iota
	Granted
	Denied
)

// Entry is one statement: of a visitor who took a consent record back (Record is
// set), or of a mail recipient.
type Entry struct {
	Site string
	Time time.Time // when it was made; whole seconds count
	// Record is the id of the consent record that never counts again; zero in a
	// statement about mail.
	Record [16]byte
	// Recipient is the site's keyed hash of the mail address.
	Recipient   uint64
	Open, Click Choice // mail_open, mail_click; Unset leaves them as they are
	// Mail is Denied for an unsubscription. Granted takes one back, and is ignored
	// unless Proven says that there is a proof.
	Mail   Choice
	Proven bool

	acted bool // dated by Act: may be ahead of the clock
}

// State is what counts for a recipient now.
type State struct {
	Open, Click     Choice
	Mail            Choice    // Denied: unsubscribed, whatever the others say
	OpenAt, ClickAt time.Time // when that was said last; zero where it is Unset
	Newest          time.Time // of the statements that count; zero without any
}

// Unsubscribed says whether the recipient wants no mail.
func (s State) Unsubscribed() bool { return s.Mail == Denied }

// ErrEntry says that an entry says nothing, or something impossible.
var ErrEntry = errors.New("withdrawal: bad entry")

// ahead is how far a statement may be dated ahead of this node's clock: further,
// and it would silence what the person says until then.
const ahead = 5 * time.Minute

// maxSite bounds a site's id, whose length takes a byte in a mark's key.
const maxSite = 255

// seconds returns the time of an entry as it is kept, or what is wrong with the
// entry.
func (e *Entry) seconds() (uint32, error) {
	t := e.Time.Unix()
	switch {
	case e.Site == "" || len(e.Site) > maxSite:
		return 0, fmt.Errorf("%w: a site's id of %d bytes, must be 1 to %d", ErrEntry, len(e.Site), maxSite)
	case t <= 0 || t > math.MaxUint32:
		return 0, fmt.Errorf("%w: time %v", ErrEntry, e.Time)
	case e.isRecord():
		if e.Recipient != 0 || e.choices() != 0 {
			return 0, fmt.Errorf("%w: it names a record and a recipient, which nothing may join", ErrEntry)
		}
	case e.Open > Denied || e.Click > Denied || e.Mail > Denied:
		return 0, fmt.Errorf("%w: choices %d, %d, %d, must be 0 to 2", ErrEntry, e.Open, e.Click, e.Mail)
	}
	return uint32(t), nil
}

func (e *Entry) isRecord() bool { return e.Record != [16]byte{} }

// choices are a statement's choices about mail, two bits for each register.
type choices uint8

const registers = 3 // open, click, mail

func (e *Entry) choices() choices {
	mail := e.Mail
	if mail == Granted && !e.Proven {
		mail = Unset
	}
	return choices(e.Open) | choices(e.Click)<<2 | choices(mail)<<4
}

func (c choices) of(register int) Choice { return Choice(c >> (2 * register) & 3) }

func (c choices) with(register int, to Choice) choices {
	return c&^(3<<(2*register)) | choices(to)<<(2*register)
}

// valid says whether all bits have a meaning.
func (c choices) valid() bool {
	return c < 1<<(2*registers) && c.of(0) <= Denied && c.of(1) <= Denied && c.of(2) <= Denied
}
