package identity

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// secretBytes is the length of the root secret and of every key.
const secretBytes = 32

// key is one key of the ring as the file keeps it.
type key struct {
	ID      string    `json:"id"` // four base64url characters
	Secret  []byte    `json:"secret"`
	Created time.Time `json:"created"`
	Revoked bool      `json:"revoked,omitempty"`
}

// ringFile is the ring's JSON form.
type ringFile struct {
	Version int    `json:"version"`
	Root    []byte `json:"root"`
	Keys    []key  `json:"keys"` // oldest first; the newest that is not revoked signs
}

// Ring is a set of keys. It is safe for concurrent use. Rotate and Revoke
// return a new one; Take alone changes a ring, for all who hold it at once.
type Ring struct {
	set     atomic.Pointer[keySet]
	secrets sync.Map // siteSecret → []byte, of the root: deriving one costs more than what it is used for
}

// keySet is what a ring holds; it never changes.
type keySet struct {
	file    ringFile
	signers map[Use]*signer            // by use: the newest key
	byKey   map[string]map[Use]*signer // key id → use → signer; revoked keys only for uses that outlive them
}

// siteSecret names a secret of one site.
type siteSecret struct{ site, name string }

func (r *Ring) file() ringFile { return r.set.Load().file }

// signer is the newest key for a use.
func (r *Ring) signer(use Use) *signer { return r.set.Load().signers[use] }

// verifier is the key that a token names, for a use; nil where it does not
// count.
func (r *Ring) verifier(id string, use Use) *signer { return r.set.Load().byKey[id][use] }

// Take puts the keys of next in the place of the ring's own: of the same ring
// after a rotation or a revocation. Another ring is refused, because hashes of
// people and proofs come from the root, which never changes.
func (r *Ring) Take(next *Ring) error {
	if ours, theirs := r.Fingerprint(), next.Fingerprint(); ours != theirs {
		return fmt.Errorf("key ring %s is in use, %s is another one: stop the service and import the ring of its store", ours, theirs)
	}
	r.set.Store(next.set.Load())
	return nil
}

// NewRing makes a ring with one key.
func NewRing(now time.Time) (*Ring, error) {
	file := ringFile{Version: 1, Root: randomBytes(secretBytes)}
	file.Keys = []key{newKey(now)}
	return assemble(file)
}

func newKey(now time.Time) key {
	return key{
		ID:      base64.RawURLEncoding.EncodeToString(randomBytes(3)),
		Secret:  randomBytes(secretBytes),
		Created: now.UTC().Truncate(time.Second),
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program where it cannot give randomness
	return b
}

// OpenRing reads the ring in file path, or makes one there (mode 0600) where
// the file is absent; of several processes that start at once one makes it and
// all read it. A file that others may read is refused.
func OpenRing(path string, now time.Time) (*Ring, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		made, failed := NewRing(now)
		if failed != nil {
			return nil, failed
		}
		switch failed = made.put(path, link); {
		case failed == nil:
			return made, nil
		case !errors.Is(failed, fs.ErrExist):
			return nil, failed
		}
		b, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read key ring: %w", err)
	}
	return readRing(path, b)
}

// ReadRing reads the ring in file path, and makes none where it is absent.
func ReadRing(path string) (*Ring, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key ring: %w", err)
	}
	return readRing(path, b)
}

func readRing(path string, b []byte) (*Ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key ring: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("key ring %s has mode %04o, so others can read it: chmod 600 it", path, mode)
	}
	r, err := ParseRing(b)
	if err != nil {
		return nil, fmt.Errorf("key ring %s: %w", path, err)
	}
	return r, nil
}

// ParseRing reads a ring from its JSON form, as Marshal writes it.
func ParseRing(b []byte) (*Ring, error) {
	var file ringFile
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, errors.New("not a key ring: import the file that `kunji keys export` wrote")
	}
	return assemble(file)
}

// Marshal returns the ring's JSON form. It holds the secrets.
func (r *Ring) Marshal() ([]byte, error) {
	b, err := json.MarshalIndent(r.file(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode key ring: %w", err)
	}
	return append(b, '\n'), nil
}

// Save writes the ring to path with mode 0600, whole or not at all; it is on
// disk when Save returns.
func (r *Ring) Save(path string) error { return r.put(path, os.Rename) }

// link gives a file its name unless that is taken.
func link(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err //nolint:wrapcheck // put says what for
	}
	return os.Rename(from, to) //nolint:wrapcheck // a file system without links
}

func (r *Ring) put(path string, name func(from, to string) error) error {
	b, err := r.Marshal()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("save key ring: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return fmt.Errorf("save key ring: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = name(tmp.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("save key ring: %w", err)
	}
	return nil
}

// syncDir puts a rename on disk.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err //nolint:wrapcheck // put says what for
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Rotate returns a ring with a new key that signs from now on; the older ones
// still verify.
func (r *Ring) Rotate(now time.Time) (*Ring, error) {
	file := r.file()
	file.Keys = append(append([]key(nil), r.file().Keys...), newKey(now))
	return assemble(file)
}

// Revoke returns a ring in which nothing signed with key id verifies any
// more, unsubscribe links and the tombstones in our own spool excepted.
// The last key that signs cannot be revoked: rotate first.
func (r *Ring) Revoke(id string) (*Ring, error) {
	file := r.file()
	file.Keys = append([]key(nil), r.file().Keys...)
	found, left := false, 0
	for i := range file.Keys {
		if file.Keys[i].ID == id {
			file.Keys[i].Revoked, found = true, true
		}
		if !file.Keys[i].Revoked {
			left++
		}
	}
	if !found {
		return nil, fmt.Errorf("the ring has no key %q", id)
	}
	if left == 0 {
		return nil, fmt.Errorf("key %q is the only one that signs: rotate first, then revoke it", id)
	}
	return assemble(file)
}

// KeyInfo describes a key without its secret.
type KeyInfo struct {
	ID      string
	Created time.Time
	Revoked bool
	Signs   bool
}

// Keys lists the ring's keys, oldest first.
func (r *Ring) Keys() []KeyInfo {
	infos := make([]KeyInfo, len(r.file().Keys))
	last := -1
	for i, k := range r.file().Keys {
		infos[i] = KeyInfo{ID: k.ID, Created: k.Created, Revoked: k.Revoked}
		if !k.Revoked {
			last = i
		}
	}
	infos[last].Signs = true
	return infos
}

// Fingerprint names the ring without revealing it: nodes of one store compare
// it and refuse to start beside another ring.
func (r *Ring) Fingerprint() string {
	h := sha256.New()
	h.Write([]byte("kunji key ring"))
	h.Write(derive(r.file().Root, "fingerprint"))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// SiteSecret derives a secret for one site and one name from the root, which
// never rotates: the key of a recipient's hash, for example. It is derived once;
// nobody may change it.
func (r *Ring) SiteSecret(site, name string) []byte {
	if secret, ok := r.secrets.Load(siteSecret{site, name}); ok {
		return secret.([]byte)
	}
	secret, _ := r.secrets.LoadOrStore(siteSecret{site, name}, derive(r.file().Root, name+"/"+site))
	return secret.([]byte)
}

func derive(secret []byte, info string) []byte {
	k, err := hkdf.Key(sha256.New, secret, nil, "kunji/v1/"+info, secretBytes)
	if err != nil {
		panic("hkdf: " + err.Error()) // only a length over 255 hashes fails
	}
	return k
}

func assemble(file ringFile) (*Ring, error) {
	if file.Version != 1 {
		return nil, fmt.Errorf("it has version %d, this program knows 1: start the newer program that wrote it", file.Version)
	}
	if len(file.Root) != secretBytes || len(file.Keys) == 0 {
		return nil, errors.New("it lacks its root secret or keys: restore it from a backup, or every cookie and link made so far is void")
	}
	set := &keySet{file: file, byKey: make(map[string]map[Use]*signer, len(file.Keys))}
	for _, k := range file.Keys {
		if _, err := decode(nil, []byte(k.ID)); err != nil || len(k.Secret) != secretBytes || len(k.ID) != keyText {
			return nil, fmt.Errorf("key %q is damaged: restore the file from a backup", k.ID)
		}
		if set.byKey[k.ID] != nil {
			return nil, fmt.Errorf("key %q is there twice", k.ID)
		}
		uses := make(map[Use]*signer, len(allUses))
		for _, use := range allUses {
			if !k.Revoked || use.outlives() {
				uses[use] = newSigner(k.ID, derive(k.Secret, string(use)), derive(k.Secret, "seal/"+string(use)))
			}
		}
		set.byKey[k.ID] = uses
		if !k.Revoked {
			set.signers = uses
		}
	}
	if set.signers == nil {
		return nil, errors.New("every key is revoked: restore the file from a backup")
	}
	r := new(Ring)
	r.set.Store(set)
	return r, nil
}
