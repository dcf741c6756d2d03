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
	got, err := Decode(b)
	want, wantErr := decodeMessage(b)
	if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
		t.Fatalf("%x\n got %+v, %v\nwant %+v, %v", b, got.Event, err, want.Event, wantErr)
	}
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
	for name, decode := range map[string]func([]byte) (Record, error){"quick": Decode, "generated": decodeMessage} {
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
