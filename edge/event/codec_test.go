package event

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/edge/event/wire"
)

func encode(t testing.TB, r Record) []byte {
	t.Helper()
	b, err := Append(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestZeroRecordsReturn(t *testing.T) {
	at := time.UnixMilli(1795512600123).UTC()
	for name, want := range map[string]Record{
		"event":   {Event: &Event{Time: at}},
		"consent": {Consent: &Consent{Time: at}},
		"refusal": {Refusal: &Refusal{Hour: at.Truncate(time.Hour)}},
		"notice":  {Notice: &Notice{}},
		"erasure": {Erasure: &Erasure{Requested: at}},
		"wording": {Wording: &Wording{}},
	} {
		got, err := Decode(encode(t, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func anEvent(t *rapid.T) *Event {
	text := rapid.String()
	e := &Event{
		Time:     time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "time")).UTC(),
		LocalDay: rapid.Int32().Draw(t, "day"), Site: text.Draw(t, "site"),
		Kind: rapid.SampledFrom(Kinds()).Draw(t, "kind"), Visitor: rapid.Uint64().Draw(t, "visitor"),
		Attributed: rapid.Bool().Draw(t, "attributed"), Path: text.Draw(t, "path"),
		Value: Amount(rapid.Int64().Draw(t, "value")), Basis: Basis(rapid.IntRange(1, 3).Draw(t, "basis")),
		Props: rapid.MapOfN(text, text, 0, 10).Draw(t, "props"),
	}
	if len(e.Props) == 0 {
		e.Props = nil
	}
	if rapid.Bool().Draw(t, "recorded") {
		e.Record = [16]byte{1, byte(rapid.IntRange(0, 255).Draw(t, "record"))}
	}
	for _, c := range []*Campaign{&e.Campaign, &e.First} {
		if rapid.Bool().Draw(t, "campaign") {
			c.Source, c.Term, c.ReferrerHost = text.Draw(t, "source"), text.Draw(t, "term"), text.Draw(t, "host")
		}
	}
	return e
}

// TestNoEventLeaksIntoTheNext: encoders are pooled; what one event had and the
// next has not (props, campaign, record) must not show up there.
func TestNoEventLeaksIntoTheNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var buffer []byte
		var ends []int
		events := make([]*Event, rapid.IntRange(1, 8).Draw(t, "events"))
		for i := range events {
			events[i] = anEvent(t)
			var err error
			if buffer, err = Append(buffer, Record{Event: events[i]}); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, len(buffer))
		}
		from := 0
		for i, to := range ends {
			got, err := Decode(buffer[from:to])
			if err != nil || !reflect.DeepEqual(got.Event, events[i]) {
				t.Fatalf("event %d\n got %+v, %v\nwant %+v", i, got.Event, err, events[i])
			}
			from = to
		}
	})
}

func TestAppendAtOnce(t *testing.T) {
	var wait sync.WaitGroup
	for n := range 8 {
		wait.Go(func() {
			want := &Event{Time: time.UnixMilli(int64(n)).UTC(), Site: strings.Repeat("s", n), Kind: Custom, Visitor: uint64(n)}
			if n%2 == 0 {
				want.Props = map[string]string{"n": fmt.Sprint(n)}
				want.Campaign.Source, want.First.Source = fmt.Sprint(n), fmt.Sprint(-n)
			}
			for range 200 {
				b, err := Append(nil, Record{Event: want})
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := Decode(b); err != nil || !reflect.DeepEqual(got.Event, want) {
					t.Errorf("got %+v, %v; want %+v", got.Event, err, want)
					return
				}
			}
		})
	}
	wait.Wait()
}

// A batch is repeated byte for byte, so the order of a map must not show.
func TestEncodingIsDeterministic(t *testing.T) {
	e := filled[Event]()
	for i := range 8 {
		e.Props[fmt.Sprintf("prop %d", i)] = "v"
	}
	first := encode(t, Record{Event: e})
	for range 50 {
		if !bytes.Equal(first, encode(t, Record{Event: e})) {
			t.Fatal("the same event is encoded in two ways")
		}
	}
}

func TestInvalidUTF8IsRefused(t *testing.T) {
	const secret = "who\xffever"
	kept := []byte("kept")
	for name, r := range map[string]Record{
		"event":   {Event: &Event{Path: secret}},
		"props":   {Event: &Event{Props: map[string]string{"q": secret}}},
		"consent": {Consent: &Consent{Country: secret}},
		"refusal": {Refusal: &Refusal{Device: secret}},
		"notice":  {Notice: &Notice{Language: secret}},
		"erasure": {Erasure: &Erasure{Subject: secret}},
		"wording": {Wording: &Wording{Text: secret}},
	} {
		got, err := Append(kept, r)
		if err == nil || strings.Contains(err.Error(), "who") {
			t.Errorf("%s: error %v: want one that does not say what was sent", name, err)
		}
		if string(got) != "kept" {
			t.Errorf("%s: what was encoded before is lost: %q", name, got)
		}
	}
	// The encoder of a refused event goes back to its pool.
	want := &Event{Time: time.UnixMilli(1).UTC(), Path: "/"}
	if got, err := Decode(encode(t, Record{Event: want})); err != nil || !reflect.DeepEqual(got.Event, want) {
		t.Errorf("after a refusal: %+v, %v", got.Event, err)
	}
}

func TestAppendRefusesAnEmptyRecord(t *testing.T) {
	if b, err := Append([]byte("kept"), Record{}); err == nil || string(b) != "kept" {
		t.Errorf("Append = %q, %v", b, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	marshalled := func(m *wire.Record) []byte {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	notice := &wire.Record_Notice{Notice: &wire.Notice{}}
	whole := encode(t, full()["consent"])
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"nothing", nil, "version 0"},
		{"no version", marshalled(&wire.Record{Body: notice}), "version 0"},
		{"a newer version", marshalled(&wire.Record{Version: WireVersion + 1, Body: notice}), "start the newer program"},
		{"no body", marshalled(&wire.Record{Version: 1}), "no body"},
		{"a body not known here", protowire.AppendVarint(protowire.AppendTag(marshalled(&wire.Record{Version: 1}), 99, protowire.VarintType), 1), "no body"},
		{"half", whole[:len(whole)/2], "decode record"},
		{"text", []byte("GET / HTTP/1.1"), "decode record"},
		{"kind 257", marshalled(&wire.Record{Version: 1, Body: &wire.Record_Event{Event: &wire.Event{Kind: 257}}}), "kind 257"},
		{"basis 257", marshalled(&wire.Record{Version: 1, Body: &wire.Record_Event{Event: &wire.Event{Basis: 257}}}), "basis 257"},
		{"reason 256", marshalled(&wire.Record{Version: 1, Body: &wire.Record_Refusal{Refusal: &wire.Refusal{Reason: 256}}}), "reason 256"},
	} {
		got, err := Decode(c.b)
		if err == nil || !strings.Contains(err.Error(), c.want) || got != (Record{}) {
			t.Errorf("%s: %+v, %v; want an error with %q", c.name, got, err, c.want)
		}
	}
}

// FuzzDecode: no input panics, and what is read can be written and read again.
func FuzzDecode(f *testing.F) {
	for _, r := range full() {
		f.Add(encode(f, r))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		sameDecoded(t, b)
		r, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(encode(t, r))
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%+v came back as %+v, %v", r, again, err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	e := filled[Event]()
	e.Props = nil
	for name, props := range map[string]map[string]string{"page_view": nil, "two_props": {"query": "shoes", "page": "2"}} {
		b.Run(name, func(b *testing.B) {
			e.Props = props
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = Append(dst[:0], Record{Event: e}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
