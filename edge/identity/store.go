package identity

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of the preference store, in bytes where nothing else is said.
const (
	MaxItemKey = 64      // characters of a key: letters, digits, "_", "." and "-"
	MaxItem    = 1 << 10 // one value
	MaxItems   = 2 << 10 // all keys and values together
	maxItems   = 64      // in number: each adds two or three bytes to the cookie
)

// Errors of an item that the preference store does not take.
var (
	ErrItemKey = errors.New("an item's key has 1 to 64 letters, digits, _, . or -")
	ErrItem    = errors.New("an item's value has at most 1 KiB of UTF-8 text")
	ErrItems   = errors.New("all items together have at most 2 KiB, in at most 64 items")
)

// Item is something that a site shows again on the next visit: a setting, an
// entry of a shopping list (policy 6.2).
type Item struct{ Key, Value string }

// Items is what kj_store holds: items by key, each key once. Its zero value is
// empty.
type Items []Item

// CheckItemKey returns ErrItemKey for a key that no item can have.
func CheckItemKey(key string) error {
	if len(key) == 0 || len(key) > MaxItemKey {
		return ErrItemKey
	}
	for i := range len(key) {
		c := key[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-') {
			return ErrItemKey
		}
	}
	return nil
}

func (s Items) find(key string) (int, bool) {
	return slices.BinarySearchFunc(s, key, func(i Item, key string) int { return strings.Compare(i.Key, key) })
}

// Get returns an item's value.
func (s Items) Get(key string) (string, bool) {
	i, found := s.find(key)
	if !found {
		return "", false
	}
	return s[i].Value, true
}

// Set keeps an item in the place of the one with its key. What breaks a limit
// is not kept: ErrItemKey, ErrItem or ErrItems.
func (s *Items) Set(key, value string) error {
	if err := CheckItemKey(key); err != nil {
		return err
	}
	if len(value) > MaxItem || !utf8.ValidString(value) {
		return ErrItem
	}
	i, found := s.find(key)
	size := len(key) + len(value)
	for j, other := range *s {
		if !found || j != i {
			size += len(other.Key) + len(other.Value)
		}
	}
	if size > MaxItems || !found && len(*s) == maxItems {
		return ErrItems
	}
	if found {
		(*s)[i].Value = value
	} else {
		*s = slices.Insert(*s, i, Item{key, value})
	}
	return nil
}

// Remove forgets an item; false where there is none.
func (s *Items) Remove(key string) bool {
	i, found := s.find(key)
	if found {
		*s = slices.Delete(*s, i, i+1)
	}
	return found
}

// AppendItems writes kj_store's payload:
//
//	site~base64url(items)
//
// with items by key, each as the key's length, the key, the value's length and
// the value; lengths are unsigned varints (Protocol Buffers' base 128).
func AppendItems(dst []byte, site string, items Items) []byte {
	var plain []byte
	for _, i := range items {
		plain = append(binary.AppendUvarint(plain, uint64(len(i.Key))), i.Key...)
		plain = append(binary.AppendUvarint(plain, uint64(len(i.Value))), i.Value...)
	}
	dst = append(append(dst, site...), '~')
	return encoding.AppendEncode(dst, plain)
}

// ParseItems reads kj_store's payload for a site, and nothing that Set would
// not have taken.
func ParseItems(payload []byte, site string) (Items, error) {
	of, text, _ := bytes.Cut(payload, []byte{'~'})
	plain, err := decode(nil, text)
	if string(of) != site || err != nil {
		return nil, ErrPayload
	}
	var items Items
	for len(plain) > 0 {
		var key, value string
		var ok1, ok2 bool
		key, plain, ok1 = cutText(plain)
		value, plain, ok2 = cutText(plain)
		n := len(items)
		if !ok1 || !ok2 || n > 0 && items[n-1].Key >= key || items.Set(key, value) != nil {
			return nil, ErrPayload
		}
	}
	return items, nil
}

// cutText reads a length and as many bytes behind it.
func cutText(b []byte) (text string, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	b = b[size:]
	return string(b[:n]), b[n:], true
}
