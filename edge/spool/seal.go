package spool

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Sealed frames (doc.go): each record alone, by XChaCha20-Poly1305 (RFC 8439 and
// draft-irtf-cfrg-xchacha) under the key of its day. The nonce is 16 random bytes
// of this opening and a counter, so that nodes with the same keys never meet.
const (
	sealDay      = 4
	sealOverhead = sealDay + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
	sealContext  = "kunji spool record 1"
)

// errNoKey is no damage: the record can be read once the key is there.
var errNoKey = errors.New("the record is sealed and there is no key for it: give the key ring that sealed it")

// sealer seals and opens records.
type sealer struct {
	keyOf func(day uint32) []byte
	now   func() time.Time
	start [16]byte // of the nonces
	count atomic.Uint64
	aeads sync.Map // day → cipher.AEAD
}

func newSealer(o Options) (*sealer, error) {
	s := &sealer{keyOf: o.Key, now: o.Now}
	if _, err := rand.Read(s.start[:]); err != nil {
		return nil, fmt.Errorf("spool: random bytes: %w", err)
	}
	return s, nil
}

// of returns the cipher of a day.
func (s *sealer) of(day uint32) (cipher.AEAD, error) {
	if a, ok := s.aeads.Load(day); ok {
		return a.(cipher.AEAD), nil
	}
	if s.keyOf == nil {
		return nil, errNoKey
	}
	a, err := chacha20poly1305.NewX(s.keyOf(day))
	if err != nil {
		return nil, fmt.Errorf("spool: the key of day %d: %w", day, err)
	}
	s.aeads.Store(day, a)
	return a, nil
}

// seal appends the sealed payload to dst.
func (s *sealer) seal(dst, payload []byte) ([]byte, error) {
	day := uint32(s.now().Unix() / 86400)
	a, err := s.of(day)
	if err != nil {
		return dst, err
	}
	head := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, day)
	nonce := len(dst)
	dst = append(dst, s.start[:]...)
	dst = binary.BigEndian.AppendUint64(dst, s.count.Add(1))
	return a.Seal(dst, dst[nonce:], payload, additional(dst[head:nonce])), nil
}

// open returns what was sealed. With another key, or altered, it is damaged.
func (s *sealer) open(sealed []byte) ([]byte, error) {
	if len(sealed) < sealOverhead {
		return nil, fmt.Errorf("sealed record of %d bytes is cut short: %w", len(sealed), errDamaged)
	}
	a, err := s.of(binary.BigEndian.Uint32(sealed))
	if err != nil {
		return nil, err
	}
	nonce := sealed[sealDay : sealDay+chacha20poly1305.NonceSizeX]
	payload, err := a.Open(nil, nonce, sealed[sealDay+len(nonce):], additional(sealed[:sealDay]))
	if err != nil {
		return nil, fmt.Errorf("sealed record was altered, or sealed with another key: %w", errDamaged)
	}
	return payload, nil
}

// additional binds a record to its purpose and day.
func additional(day []byte) []byte { return append([]byte(sealContext), day...) }

// overhead is what a record takes beside its payload.
func (s *Spool) overhead() int {
	if s.opts.Seal {
		return frameHeader + sealOverhead
	}
	return frameHeader
}

// appendRecord appends the frame of a payload, sealed if records are.
func (s *Spool) appendRecord(dst, payload []byte) ([]byte, error) {
	if !s.opts.Seal {
		return appendFrame(dst, formatVersion, payload), nil
	}
	sealed, err := s.sealer.seal(make([]byte, 0, len(payload)+sealOverhead), payload)
	if err != nil {
		return dst, err
	}
	return appendFrame(dst, sealedVersion, sealed), nil
}

// splitRecord cuts the first frame off b, as splitFrame does, and opens it.
func (s *Spool) splitRecord(b []byte) (payload, raw, rest []byte, err error) {
	payload, raw, rest, err = splitFrame(b)
	if err == nil && b[0] == sealedVersion {
		payload, err = s.sealer.open(payload)
	}
	return payload, raw, rest, err
}

var sealBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

// sealAll seals the payloads of one call into a buffer of the pool, so that this
// is done before the group is locked.
func (s *Spool) sealAll(payloads [][]byte) (sealed [][]byte, buffer *[]byte, err error) {
	buffer = sealBuffers.Get().(*[]byte)
	all := (*buffer)[:0]
	size := 0
	for _, p := range payloads {
		size += len(p) + sealOverhead
	}
	if cap(all) < size { // so that no append moves what was cut out before
		all = make([]byte, 0, size)
	}
	sealed = make([][]byte, len(payloads))
	for i, p := range payloads {
		from := len(all)
		if all, err = s.sealer.seal(all, p); err != nil {
			return nil, buffer, err
		}
		sealed[i] = all[from:]
	}
	*buffer = all
	return sealed, buffer, nil
}
