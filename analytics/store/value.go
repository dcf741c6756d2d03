package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// plain turns a scanned value into what JSON can say: nil, bool, string,
// json.Number, []any, map[string]any. databaseType tells a day from a moment.
func plain(v reflect.Value, databaseType string) any {
	if !v.IsValid() {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem(), databaseType)
	}
	if t, ok := v.Interface().(time.Time); ok {
		return clock(t, databaseType)
	}
	if s, ok := v.Interface().(fmt.Stringer); ok { // Decimal, UUID, IP, big integers
		return s.String()
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return json.Number(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return json.Number(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		return number(v)
	case reflect.Slice, reflect.Array:
		all := make([]any, v.Len())
		for i := range all {
			all[i] = plain(v.Index(i), databaseType)
		}
		return all
	case reflect.Map:
		all := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			all[cell(plain(key, databaseType))] = plain(v.MapIndex(key), databaseType)
		}
		return all
	}
	return fmt.Sprint(v.Interface())
}

// number writes a float exactly; JSON has no word for infinity.
func number(v reflect.Value) any {
	f := v.Float()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, v.Type().Bits()))
}

// clock writes a day or a moment as ClickHouse does, and UTC as UTC.
func clock(t time.Time, databaseType string) string {
	switch {
	case strings.Contains(databaseType, "DateTime64"):
		return t.Format("2006-01-02 15:04:05.000000000"[:20+fraction(databaseType)])
	case strings.Contains(databaseType, "DateTime"):
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("2006-01-02")
}

// fraction returns the digits behind the second of a DateTime64(n).
func fraction(databaseType string) int {
	_, rest, _ := strings.Cut(databaseType, "DateTime64(")
	if rest != "" && rest[0] >= '1' && rest[0] <= '9' {
		return int(rest[0] - '0')
	}
	return -1 // none: the point goes as well
}

// cell writes a plain value as text; what has parts is written as JSON.
func cell(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	text, err := marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// marshal is json.Marshal that leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
