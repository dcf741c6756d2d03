package event

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// fill sets every field below v to a value that no other field has, so that a
// field forgotten on the wire, or read from another's place, shows.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1795512600+int64(*n)*3600, 0).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 3 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n)
			fill(value, n)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		if v.Type() == reflect.TypeFor[Choice]() {
			v.SetUint(uint64(*n%int(Denied)) + 1)
			return
		}
		v.SetUint(uint64(*n%255) + 1)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	default:
		panic("fill does not know " + v.Type().String() + ": teach it, then the wire")
	}
}

func filled[T any]() *T {
	v, n := new(T), 0
	fill(reflect.ValueOf(v).Elem(), &n)
	return v
}

// full is one record of each type with every field set. A field of Record
// itself that it lacks fails TestRecordHasSevenTypes.
func full() map[string]Record {
	return map[string]Record{
		"event":   {Event: filled[Event]()},
		"consent": {Consent: filled[Consent]()},
		"refusal": {Refusal: filled[Refusal]()},
		"notice":  {Notice: filled[Notice]()},
		"erasure": {Erasure: filled[Erasure]()},
		"wording": {Wording: filled[Wording]()},

		"statement": {Statement: filled[Statement]()},
	}
}

func TestRecordHasSevenTypes(t *testing.T) {
	if n := reflect.TypeFor[Record]().NumField(); n != len(full()) {
		t.Errorf("Record has %d types, the tests know %d", n, len(full()))
	}
}

// TestEveryFieldReturns fails when a field is added to a type and forgotten in
// record.proto, or in one direction of the conversion.
func TestEveryFieldReturns(t *testing.T) {
	for name, want := range full() {
		got, err := Decode(encode(t, want))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		compare(t, name, reflect.ValueOf(want), reflect.ValueOf(got))
	}
}

func compare(t *testing.T, path string, want, got reflect.Value) {
	t.Helper()
	if want.Kind() == reflect.Pointer && !want.IsNil() && !got.IsNil() {
		want, got = want.Elem(), got.Elem()
	}
	if want.Kind() == reflect.Struct && want.Type() != reflect.TypeFor[time.Time]() {
		for i := range want.NumField() {
			compare(t, path+"."+want.Type().Field(i).Name, want.Field(i), got.Field(i))
		}
		return
	}
	if !reflect.DeepEqual(want.Interface(), got.Interface()) {
		t.Errorf("%s: %v came back as %v", path, want, got)
	}
}
