package event

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/kunjicloud/kunji/edge/event/wire"
)

// WireVersion is the encoder's version, written into every record. It rises
// when a field's meaning would change, which calls for a new field instead;
// so far it never has.
const WireVersion = 1

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// encoder keeps the wire messages of one encoding, so that a hit's way to
// disk allocates none of them.
type encoder struct {
	record          wire.Record
	event           wire.Record_Event
	body            wire.Event
	campaign, first wire.Campaign
	props           [maxProps]wire.Prop
	list            [maxProps]*wire.Prop // of body.Props
}

// maxProps is how many props an encoder has room for; a site keeps 8 of an
// event. More are encoded too, each allocated.
const maxProps = 8

// Append encodes r and appends it to dst.
func Append(dst []byte, r Record) ([]byte, error) {
	if r.Event != nil {
		return appendEvent(dst, r.Event)
	}
	m := &wire.Record{Version: WireVersion}
	switch {
	case r.Consent != nil:
		m.Body = &wire.Record_Consent{Consent: consentToWire(r.Consent)}
	case r.Refusal != nil:
		m.Body = &wire.Record_Refusal{Refusal: refusalToWire(r.Refusal)}
	case r.Notice != nil:
		m.Body = &wire.Record_Notice{Notice: noticeToWire(r.Notice)}
	case r.Erasure != nil:
		m.Body = &wire.Record_Erasure{Erasure: erasureToWire(r.Erasure)}
	case r.Wording != nil:
		m.Body = &wire.Record_Wording{Wording: wordingToWire(r.Wording)}
	case r.Statement != nil:
		m.Body = &wire.Record_Statement{Statement: statementToWire(r.Statement)}
	default:
		return dst, fmt.Errorf("encode record: it is empty")
	}
	return marshal(dst, m)
}

func marshal(dst []byte, m *wire.Record) ([]byte, error) {
	out, err := proto.MarshalOptions{}.MarshalAppend(dst, m)
	if err != nil {
		// Only text that is not UTF-8 gets here; say which record, not what it says.
		return dst, fmt.Errorf("encode record of type %T: %w", m.Body, err)
	}
	return out, nil
}

// Decode reads one record.
func Decode(b []byte) (Record, error) {
	if body, ok := bodyOfEvent(b); ok {
		e, err := decodeEvent(body)
		return Record{Event: e}, err
	}
	return decodeMessage(b)
}

// decodeMessage reads a record of any type and layout.
func decodeMessage(b []byte) (Record, error) {
	var m wire.Record
	if err := proto.Unmarshal(b, &m); err != nil {
		return Record{}, fmt.Errorf("decode record of %d bytes: %w", len(b), err)
	}
	if m.Version == 0 || m.Version > WireVersion {
		return Record{}, fmt.Errorf("decode record: it has version %d, this program knows 1 to %d: start the newer program that wrote it", m.Version, WireVersion)
	}
	switch body := m.Body.(type) {
	case *wire.Record_Event:
		if err := checkKind(body.Event.Kind, body.Event.Basis); err != nil {
			return Record{}, err
		}
		return Record{Event: eventFromWire(body.Event)}, nil
	case *wire.Record_Consent:
		return Record{Consent: consentFromWire(body.Consent)}, nil
	case *wire.Record_Refusal:
		if body.Refusal.Kind > math.MaxUint8 || body.Refusal.Reason > math.MaxUint8 {
			return Record{}, fmt.Errorf("decode refusal: kind %d and reason %d are not known here: start the newer program that wrote it", body.Refusal.Kind, body.Refusal.Reason)
		}
		return Record{Refusal: refusalFromWire(body.Refusal)}, nil
	case *wire.Record_Notice:
		return Record{Notice: noticeFromWire(body.Notice)}, nil
	case *wire.Record_Erasure:
		return Record{Erasure: erasureFromWire(body.Erasure)}, nil
	case *wire.Record_Wording:
		return Record{Wording: wordingFromWire(body.Wording)}, nil
	case *wire.Record_Statement:
		st, err := statementFromWire(body.Statement)
		return Record{Statement: st}, err
	}
	return Record{}, fmt.Errorf("decode record: it has no body")
}

func checkKind(kind, basis uint32) error {
	if kind > math.MaxUint8 || basis > math.MaxUint8 {
		return fmt.Errorf("decode event: kind %d and basis %d are not known here: start the newer program that wrote it", kind, basis)
	}
	return nil
}

func appendEvent(dst []byte, e *Event) ([]byte, error) {
	enc := encoders.Get().(*encoder)
	defer encoders.Put(enc)
	enc.body.Reset()
	fillEvent(&enc.body, e)
	enc.fillProps(e.Props)
	if e.Campaign != (Campaign{}) {
		fillCampaign(&enc.campaign, &e.Campaign)
		enc.body.Campaign = &enc.campaign
	}
	if e.First != (Campaign{}) {
		fillCampaign(&enc.first, &e.First)
		enc.body.First = &enc.first
	}
	enc.event.Event = &enc.body
	enc.record.Version = WireVersion
	enc.record.Body = &enc.event
	return marshal(dst, &enc.record)
}

func fillEvent(w *wire.Event, e *Event) {
	w.TimeMs, w.LocalDay = e.Time.UnixMilli(), e.LocalDay
	w.Site, w.Kind, w.Id = e.Site, uint32(e.Kind), e.ID[:]
	w.Visitor, w.Session, w.Recipient = e.Visitor, e.Session, e.Recipient
	w.Basis, w.Record = uint32(e.Basis), idToWire(&e.Record)
	w.Attributed = e.Attributed
	w.Host, w.Path, w.Name = e.Host, e.Path, e.Name
	w.Value, w.Currency, w.Order = int64(e.Value), e.Currency, e.Order
	w.Country, w.Region, w.Isp = e.Place.Country, e.Place.Region, e.Place.ISP
	w.Language = e.Language
	w.Browser, w.Os, w.Device = e.Agent.Browser, e.Agent.OS, e.Agent.Device
	w.Machine, w.MachineReason = e.Agent.Machine, e.Agent.MachineReason
	w.KeepUntil = e.KeepUntil
}

func (enc *encoder) fillProps(props map[string]string) {
	list := enc.list[:0]
	for name, value := range props {
		var p *wire.Prop
		if n := len(list); n < maxProps {
			p = &enc.props[n]
		} else {
			p = new(wire.Prop)
		}
		p.Name, p.Value = name, value
		list = append(list, p)
	}
	// A batch is repeated byte for byte: the order of a map must not show.
	slices.SortFunc(list, func(a, b *wire.Prop) int { return strings.Compare(a.Name, b.Name) })
	enc.body.Props = list
}

func eventFromWire(w *wire.Event) *Event {
	e := &Event{
		Time: time.UnixMilli(w.TimeMs).UTC(), LocalDay: w.LocalDay,
		Site: w.Site, Kind: Kind(w.Kind),
		Visitor: w.Visitor, Session: w.Session, Recipient: w.Recipient,
		Basis: Basis(w.Basis), Attributed: w.Attributed,
		Campaign: campaignFromWire(w.Campaign), First: campaignFromWire(w.First),
		Host: w.Host, Path: w.Path, Name: w.Name,
		Value: Amount(w.Value), Currency: w.Currency, Order: w.Order,
		Place:    Place{Country: w.Country, Region: w.Region, ISP: w.Isp},
		Language: w.Language,
		Agent: Agent{
			Browser: w.Browser, OS: w.Os, Device: w.Device,
			Machine: w.Machine, MachineReason: w.MachineReason,
		},
		KeepUntil: w.KeepUntil,
	}
	copy(e.ID[:], w.Id)
	copy(e.Record[:], w.Record)
	if len(w.Props) > 0 {
		e.Props = make(map[string]string, len(w.Props))
		for _, p := range w.Props {
			e.Props[p.Name] = p.Value
		}
	}
	return e
}

func fillCampaign(w *wire.Campaign, c *Campaign) {
	w.Reset()
	w.Source, w.Medium, w.Name, w.Content, w.Term, w.Id = c.Source, c.Medium, c.Name, c.Content, c.Term, c.ID
	w.ClickIdKind, w.Channel, w.ReferrerHost = c.ClickIDKind, c.Channel, c.ReferrerHost
}

func campaignFromWire(w *wire.Campaign) Campaign {
	if w == nil {
		return Campaign{}
	}
	return Campaign{
		Source: w.Source, Medium: w.Medium, Name: w.Name, Content: w.Content, Term: w.Term, ID: w.Id,
		ClickIDKind: w.ClickIdKind, Channel: w.Channel, ReferrerHost: w.ReferrerHost,
	}
}

// idToWire leaves an all-zero id out.
func idToWire(id *[16]byte) []byte {
	if *id == ([16]byte{}) {
		return nil
	}
	return id[:]
}
