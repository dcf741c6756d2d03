package console

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost of a new hash: OWASP Password Storage Cheat Sheet, argon2id with 19 MiB
// and two passes. The console shares its process with the edge, whose memory is
// meant to stay below 100 MiB while two people sign in.
const (
	hashMemory = 19 << 10 // KiB
	hashPasses = 2
	hashLanes  = 1
	saltBytes  = 16
	keyBytes   = 32
)

// Bounds of what a configured hash may cost, so that one line of
// configuration cannot take the machine's memory at each sign-in.
const (
	maxMemory = 1 << 20 // KiB: 1 GiB
	maxPasses = 64
)

// MaxPassword is the longest password that is looked at, in bytes.
const MaxPassword = 1024

// HashPassword returns an argon2id hash in PHC string format, with a random
// salt: what the configuration holds of a user.
func HashPassword(password string) (string, error) {
	if len(password) < 8 || len(password) > MaxPassword {
		return "", fmt.Errorf("a password of %d bytes: it must have 8 to %d", len(password), MaxPassword)
	}
	h := passwordHash{memory: hashMemory, passes: hashPasses, lanes: hashLanes, salt: make([]byte, saltBytes)}
	if _, err := rand.Read(h.salt); err != nil {
		return "", fmt.Errorf("salt of a password: %w", err)
	}
	h.key = argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, keyBytes)
	return h.String(), nil
}

// passwordHash is an argon2id hash taken apart.
type passwordHash struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

// String writes the hash in PHC string format.
func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.lanes,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// parseHash reads $argon2id$v=19$m=19456,t=2,p=1$salt$key. Its errors do not
// repeat the hash.
func parseHash(phc string) (passwordHash, error) {
	var h passwordHash
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return h, fmt.Errorf("not an argon2id hash in PHC format: make one with `kunji user passwd`")
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return h, fmt.Errorf("argon2id version %q: it must be v=%d", parts[2], argon2.Version)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes); err != nil {
		return h, fmt.Errorf("argon2id cost %q: it must look like m=19456,t=2,p=1", parts[3])
	}
	if h.memory < 8*uint32(h.lanes) || h.memory > maxMemory || h.passes < 1 || h.passes > maxPasses || h.lanes < 1 {
		return h, fmt.Errorf("argon2id cost %q is out of bounds: at most m=%d and t=%d", parts[3], maxMemory, maxPasses)
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 {
		return h, fmt.Errorf("argon2id salt is not base64 of at least 8 bytes")
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.key) < 16 {
		return h, fmt.Errorf("argon2id key is not base64 of at least 16 bytes")
	}
	return h, nil
}

// matches reports whether the password has this hash, in time that does not
// depend on where they differ.
func (h passwordHash) matches(password string) bool {
	key := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

// decoy returns a hash that no password has, at the cost of like: what the
// name of nobody is checked against, so that it takes as long as a real one.
func decoy(like passwordHash) passwordHash {
	like.salt, like.key = make([]byte, saltBytes), make([]byte, keyBytes)
	// crypto/rand.Read never returns an error (Go 1.24); a zero key would be
	// as hard to meet.
	_, _ = rand.Read(like.salt)
	_, _ = rand.Read(like.key)
	return like
}
