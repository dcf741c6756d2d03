package event

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// This file reads events without the generated messages. Nearly all that a spool
// holds are events, and Unmarshal, which puts each field on the heap by itself,
// took longer over them than ClickHouse does. Here the texts of an event are
// parts of one copy of its bytes, or of many events' (Decoder). What is taken and what is refused is the same
// (TestEventsAreReadAlike).

// How Append begins a record that is an event: the two fields that wire.Record
// then has, in this order.
const (
	tagVersion = 1<<3 | byte(protowire.VarintType)
	tagEvent   = 2<<3 | byte(protowire.BytesType)
)

// bodyOfEvent returns the event's bytes of a record that begins so, and has
// nothing else in it.
func bodyOfEvent(b []byte) (body []byte, ok bool) {
	if len(b) < 3 || b[0] != tagVersion || b[1] != WireVersion || b[2] != tagEvent {
		return nil, false
	}
	body, n := protowire.ConsumeBytes(b[3:])
	return body, n == len(b)-3
}

// Decoder reads many records, one after the other, and spares the heap: their
// events lie side by side in memory that Reset lets it use again, and their texts
// are parts of long strings that many share, so whoever keeps one of them keeps
// the others too. The zero Decoder is ready; one goroutine uses it at a time.
type Decoder struct {
	events [][]Event
	used   int // events given out since Reset
	texts  strings.Builder
}

const (
	eventsTogether = 256
	textsTogether  = 64 << 10
)

// Decode reads one record. An event of it is the caller's until Reset.
func (d *Decoder) Decode(b []byte) (Record, error) {
	body, ok := bodyOfEvent(b)
	if !ok {
		return decodeMessage(b)
	}
	e := d.next()
	if err := e.read(fields{body, d.text(body), 0}); err != nil {
		d.used--
		return Record{}, err
	}
	return Record{Event: e}, nil
}

// Reset takes all events back that were given out.
func (d *Decoder) Reset() { d.used = 0 }

// next returns an event of which read sets every field.
func (d *Decoder) next() *Event {
	n := d.used / eventsTogether
	if n == len(d.events) {
		d.events = append(d.events, make([]Event, eventsTogether))
	}
	e := &d.events[n][d.used%eventsTogether]
	d.used++
	return e
}

// text copies b. A Builder with room left never moves what it has, and what it
// has never changes.
func (d *Decoder) text(b []byte) string {
	if d.texts.Cap()-d.texts.Len() < len(b) {
		d.texts = strings.Builder{}
		d.texts.Grow(max(textsTogether, len(b)))
	}
	from := d.texts.Len()
	d.texts.Write(b)
	return d.texts.String()[from:]
}

// fields is a message that is being read: its bytes, the copy of them that texts
// are cut from, and how far it is read. Reading moves a number and no pointer,
// which the garbage collector would want to hear of.
type fields struct {
	bytes []byte
	text  string
	at    int
}

func (f *fields) more() bool { return f.at < len(f.bytes) }

// field is one of them: word is what a varint or eight fixed bytes hold, from and
// to where a text, bytes or a message lie.
type field struct {
	number   protowire.Number
	kind     protowire.Type
	word     uint64
	from, to int
}

// next reads one field.
func (f *fields) next() (next field, err error) {
	rest := f.bytes[f.at:]
	var n int
	if b := rest[0]; b < 0x80 && b>>3 != 0 { // the usual tag has one byte
		next.number, next.kind, n = protowire.Number(b>>3), protowire.Type(b&7), 1
	} else if next.number, next.kind, n = protowire.ConsumeTag(rest); n < 0 {
		return next, protowire.ParseError(n)
	} else if next.number > protowire.MaxValidNumber { // which ConsumeTag lets by
		return next, fmt.Errorf("field %d: its number is none", next.number)
	}
	f.at += n
	rest = rest[n:]
	switch next.kind {
	case protowire.VarintType:
		next.word, n = protowire.ConsumeVarint(rest)
	case protowire.Fixed64Type:
		next.word, n = protowire.ConsumeFixed64(rest)
	case protowire.BytesType:
		var part []byte
		part, n = protowire.ConsumeBytes(rest)
		next.from, next.to = f.at+n-len(part), f.at+n
	default: // none of ours
		n = protowire.ConsumeFieldValue(next.number, next.kind, rest)
	}
	if n < 0 {
		return next, protowire.ParseError(n)
	}
	f.at += n
	return next, nil
}

// part is the message in a field.
func (f *fields) part(p field) fields { return fields{f.bytes[p.from:p.to], f.text[p.from:p.to], 0} }

// decodeEvent reads an event's message.
func decodeEvent(body []byte) (*Event, error) {
	e := new(Event)
	if err := e.read(fields{body, string(body), 0}); err != nil {
		return nil, err
	}
	return e, nil
}

// read sets all of e.
func (e *Event) read(all fields) error {
	*e = Event{Time: time.UnixMilli(0).UTC()}
	var kind, basis uint32
	for all.more() {
		f, err := all.next()
		switch {
		case err != nil:
		case f.kind == protowire.BytesType:
			err = e.readPart(&all, f)
		case f.kind == protowire.Fixed64Type:
			e.readFixed(f)
		case f.kind != protowire.VarintType:
		case f.number == 4:
			kind = uint32(f.word)
		case f.number == 8:
			basis = uint32(f.word)
		default:
			e.readVarint(f)
		}
		if err != nil {
			return fmt.Errorf("decode event of %d bytes: %w", len(all.bytes), err)
		}
	}
	if err := checkKind(kind, basis); err != nil {
		return err
	}
	e.Kind, e.Basis = Kind(kind), Basis(basis)
	return nil
}

func (e *Event) readVarint(f field) {
	switch f.number {
	case 1:
		e.Time = time.UnixMilli(int64(f.word)).UTC()
	case 2:
		e.LocalDay = zigzag32(f.word)
	case 10:
		e.Attributed = protowire.DecodeBool(f.word)
	case 17:
		e.Value = Amount(protowire.DecodeZigZag(f.word))
	case 27:
		e.Agent.Machine = protowire.DecodeBool(f.word)
	case 30:
		e.KeepUntil = zigzag32(f.word)
	}
}

func zigzag32(word uint64) int32 { return int32(protowire.DecodeZigZag(word & 0xffffffff)) }

func (e *Event) readFixed(f field) {
	switch f.number {
	case 6:
		e.Visitor = f.word
	case 7:
		e.Session = f.word
	case 29:
		e.Recipient = f.word
	}
}

func (e *Event) readPart(all *fields, f field) error {
	switch f.number {
	case 5:
		e.ID = [16]byte{}
		copy(e.ID[:], all.bytes[f.from:f.to])
	case 9:
		e.Record = [16]byte{}
		copy(e.Record[:], all.bytes[f.from:f.to])
	case 11:
		return e.Campaign.read(all.part(f))
	case 12:
		return e.First.read(all.part(f))
	case 16:
		return e.readProp(all.part(f))
	default:
		return readText(e.text(f.number), all.text[f.from:f.to])
	}
	return nil
}

var errNotUTF8 = errors.New("a text is not UTF-8")

// readText sets a text; nil stands for a field that is not known here.
func readText(to *string, text string) error {
	if to == nil {
		return nil
	}
	if !utf8.ValidString(text) {
		return errNotUTF8
	}
	*to = text
	return nil
}

// text returns where a field's text belongs.
func (e *Event) text(number protowire.Number) *string {
	switch number {
	case 3:
		return &e.Site
	case 13:
		return &e.Host
	case 14:
		return &e.Path
	case 15:
		return &e.Name
	case 18:
		return &e.Currency
	case 19:
		return &e.Order
	case 20:
		return &e.Place.Country
	case 21:
		return &e.Place.Region
	case 22:
		return &e.Place.ISP
	case 23:
		return &e.Language
	case 24:
		return &e.Agent.Browser
	case 25:
		return &e.Agent.OS
	case 26:
		return &e.Agent.Device
	case 28:
		return &e.Agent.MachineReason
	}
	return nil
}

func (c *Campaign) read(all fields) error {
	for all.more() {
		f, err := all.next()
		if err == nil && f.kind == protowire.BytesType {
			err = readText(c.text(f.number), all.text[f.from:f.to])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Campaign) text(number protowire.Number) *string {
	switch number {
	case 1:
		return &c.Source
	case 2:
		return &c.Medium
	case 3:
		return &c.Name
	case 4:
		return &c.Content
	case 5:
		return &c.Term
	case 6:
		return &c.ID
	case 7:
		return &c.ClickIDKind
	case 8:
		return &c.Channel
	case 9:
		return &c.ReferrerHost
	}
	return nil
}

func (e *Event) readProp(all fields) error {
	var name, value string
	for all.more() {
		f, err := all.next()
		if err == nil && f.kind == protowire.BytesType {
			switch f.number {
			case 1:
				err = readText(&name, all.text[f.from:f.to])
			case 2:
				err = readText(&value, all.text[f.from:f.to])
			}
		}
		if err != nil {
			return err
		}
	}
	if e.Props == nil {
		e.Props = map[string]string{}
	}
	e.Props[name] = value
	return nil
}
