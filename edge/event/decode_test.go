package event

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

// sameDecoded compares the quick way of reading a record with the generated one.
func sameDecoded(t rapid.TB, b []byte) {
	t.Helper()
	var d Decoder
	want, wantErr := decodeMessage(b)
	for _, decode := range []func([]byte) (Record, error){Decode, d.Decode} {
		got, err := decode(b)
		if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
			t.Fatalf("%x\n got %+v, %v\nwant %+v, %v", b, got.Event, err, want.Event, wantErr)
		}
	}
}

// TestDecoderKeepsEventsApart: those of one round stay as they are while more are
// read, and the next round, in the same memory, has nothing of them.
func TestDecoderKeepsEventsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d Decoder
		for range 2 {
			d.Reset()
			all := make([]*Event, rapid.IntRange(1, 2*eventsTogether+1).Draw(t, "events"))
			some := rapid.SliceOfN(rapid.Custom(anEvent), 1, 5).Draw(t, "different")
			for i := range all {
				b, err := Append(nil, Record{Event: some[i%len(some)]})
				if err != nil {
					t.Fatal(err)
				}
				r, err := d.Decode(b)
				if err != nil {
					t.Fatal(err)
				}
				all[i] = r.Event
				if _, err := d.Decode(b[:len(b)-1]); err == nil {
					t.Fatal("half an event was read")
				}
				clear(b)
			}
			for i, got := range all {
				if want := some[i%len(some)]; !reflect.DeepEqual(got, want) {
					t.Fatalf("event %d of %d\n got %+v\nwant %+v", i, len(all), got, want)
				}
			}
		}
	})
}

// TestEventsAreReadAlike: whole events, events with fields twice, unknown ones
// and ones of another type between, and events with some bytes changed or cut.
func TestEventsAreReadAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var body []byte
		for range rapid.IntRange(1, 3).Draw(t, "events") {
			b, err := Append(nil, Record{Event: anEvent(t)})
			if err != nil {
				t.Fatal(err)
			}
			part, ok := bodyOfEvent(b)
			if !ok {
				t.Fatalf("an event that Append wrote does not take the quick way: %x", b)
			}
			body = append(append(body, part...), aField(t)...)
		}
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			body[rapid.IntRange(0, len(body)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		body = body[:len(body)-rapid.SampledFrom([]int{0, 0, 0, 1, len(body) / 2}).Draw(t, "cut")]
		sameDecoded(t, protowire.AppendBytes([]byte{tagVersion, WireVersion, tagEvent}, body))
	})
}

// TestNumbersOfFieldsEnd: a field's number beyond the greatest that there is is an
// error, as it is to the generated messages.
func TestNumbersOfFieldsEnd(t *testing.T) {
	for _, number := range []protowire.Number{protowire.MaxValidNumber, protowire.MaxValidNumber + 1, 1 << 30} {
		body := protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), 1)
		sameDecoded(t, protowire.AppendBytes([]byte{tagVersion, WireVersion, tagEvent}, body))
	}
}

// aField is one field of any number and type, or none.
func aField(t *rapid.T) []byte {
	number := protowire.Number(rapid.IntRange(1, 40).Draw(t, "number"))
	switch kind := rapid.SampledFrom([]protowire.Type{-1, protowire.VarintType, protowire.Fixed64Type, protowire.Fixed32Type, protowire.BytesType}).Draw(t, "type"); kind {
	case protowire.VarintType:
		return protowire.AppendVarint(protowire.AppendTag(nil, number, kind), rapid.Uint64().Draw(t, "varint"))
	case protowire.Fixed64Type:
		return protowire.AppendFixed64(protowire.AppendTag(nil, number, kind), rapid.Uint64().Draw(t, "word"))
	case protowire.Fixed32Type:
		return protowire.AppendFixed32(protowire.AppendTag(nil, number, kind), rapid.Uint32().Draw(t, "half"))
	case protowire.BytesType:
		return protowire.AppendString(protowire.AppendTag(nil, number, kind), rapid.String().Draw(t, "text"))
	}
	return nil
}

func BenchmarkDecode(b *testing.B) {
	whole, err := Append(nil, Record{Event: filled[Event]()})
	if err != nil {
		b.Fatal(err)
	}
	var d Decoder
	many := func(b []byte) (Record, error) {
		if d.used == 64_000 {
			d.Reset()
		}
		return d.Decode(b)
	}
	for name, decode := range map[string]func([]byte) (Record, error){"quick": Decode, "many": many, "generated": decodeMessage} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode(whole); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
