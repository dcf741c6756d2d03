package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRotateKeepsOldTokensValid(t *testing.T) {
	first := newRing(t)
	old := first.Sign(ConsentCookie, nil, []byte("old"))
	sealed := first.Seal(Handle, []byte("old"))
	second, err := first.Rotate(started.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	fresh := second.Sign(ConsentCookie, nil, []byte("new"))
	if !verifies(second, ConsentCookie, old) || !verifies(second, ConsentCookie, fresh) {
		t.Error("after a rotation an older or a newer token is refused")
	}
	if _, err := second.Unseal(Handle, sealed); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	if verifies(first, ConsentCookie, fresh) {
		t.Error("a ring verifies a key that it does not hold")
	}
	keys := second.Keys()
	if len(keys) != 2 || keys[0].Signs || !keys[1].Signs || !bytes.Contains(fresh, []byte("."+keys[1].ID+".")) {
		t.Errorf("the newest key does not sign: %+v", keys)
	}
	if len(first.Keys()) != 1 {
		t.Error("Rotate changed the ring it was called on")
	}
	// What stands on the root outlives rotations: recipients stay the same.
	if first.Fingerprint() != second.Fingerprint() || !bytes.Equal(first.SiteSecret("shop", "recipient"), second.SiteSecret("shop", "recipient")) {
		t.Error("a rotation changed what never rotates")
	}
}

func TestPolicy_6_4_RevokedKeysStillUnsubscribe(t *testing.T) {
	first := newRing(t)
	tokens, seals := map[Use][]byte{}, map[Use]string{}
	for _, use := range allUses {
		tokens[use], seals[use] = first.Sign(use, nil, []byte("shop~1")), first.Seal(use, []byte("shop~1"))
	}
	second, err := first.Rotate(started)
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := second.Revoke(first.Keys()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	written, err := revoked.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	reread, err := ParseRing(written)
	if err != nil {
		t.Fatal(err)
	}
	for name, ring := range map[string]*Ring{"revoked": revoked, "read again": reread} {
		for _, use := range allUses {
			want := use == Unsubscribe || use == Erase || use == Sender
			if verifies(ring, use, tokens[use]) != want {
				t.Errorf("%s: %s of a revoked key verifies: %t", name, use, !want)
			}
			if _, err := ring.Unseal(use, seals[use]); (err == nil) != want {
				t.Errorf("%s: %s of a revoked key: %v", name, use, err)
			}
			if !verifies(ring, use, ring.Sign(use, nil, nil)) {
				t.Errorf("%s: %s no longer signs", name, use)
			}
		}
	}
	if !verifies(second, ConsentCookie, tokens[ConsentCookie]) {
		t.Error("Revoke changed the ring it was called on")
	}
}

func TestRevokeRefuses(t *testing.T) {
	ring := newRing(t)
	id := ring.Keys()[0].ID
	if _, err := ring.Revoke(id); err == nil || !strings.Contains(err.Error(), "rotate first") {
		t.Errorf("revoking the only key: %v", err)
	}
	if _, err := ring.Revoke("none"); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("revoking an unknown key: %v", err)
	}
	two, _ := ring.Rotate(started)
	newest := two.Keys()[1].ID
	one, err := two.Revoke(newest)
	if err != nil {
		t.Fatal(err)
	}
	// The older key signs again where the newest was the one that leaked.
	if k := one.Keys(); !k[0].Signs || k[1].Signs || !k[1].Revoked {
		t.Errorf("after revoking the newest key: %+v", k)
	}
	if _, err := one.Revoke(id); err == nil {
		t.Error("the last key that signs was revoked")
	}
}

func TestSecretsDifferBySiteNameAndRing(t *testing.T) {
	ring, other := newRing(t), newRing(t)
	seen := map[string]bool{}
	for _, r := range []*Ring{ring, other} {
		for _, secret := range [][]byte{r.SiteSecret("shop", "recipient"), r.SiteSecret("shop2", "recipient"), r.SiteSecret("shop", "order")} {
			if len(secret) != 32 || seen[string(secret)] {
				t.Error("two secrets are equal, or one is short")
			}
			seen[string(secret)] = true
		}
	}
	if ring.Fingerprint() == other.Fingerprint() {
		t.Error("two rings have one fingerprint")
	}
}

func TestOpenRingMakesOneAndReadsItAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "keys.json")
	made, err := OpenRing(path, started)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
	}
	again, err := OpenRing(path, started.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !verifies(again, Click, made.Sign(Click, nil, []byte("x"))) || again.Fingerprint() != made.Fingerprint() {
		t.Error("the ring read is not the ring made")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".keys-*")); len(left) > 0 {
		t.Errorf("Save left %v", left)
	}
}

// Several processes of one node that start at once must end with one ring.
func TestOpenRingAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	prints := make([]string, 8)
	var wait sync.WaitGroup
	for i := range prints {
		wait.Go(func() {
			r, err := OpenRing(path, started)
			if err != nil {
				t.Error(err)
				return
			}
			prints[i] = r.Fingerprint()
		})
	}
	wait.Wait()
	for _, p := range prints {
		if p != prints[0] {
			t.Fatalf("two rings were made: %v", prints)
		}
	}
}

func TestOpenRingRefusesWhatOthersMayRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	if _, err := OpenRing(path, started); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o620, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenRing(path, started); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenRing(path, started); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestDamagedRings(t *testing.T) {
	ring := newRing(t)
	whole, err := ring.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(change func(*ringFile)) []byte {
		var file ringFile
		if err := json.Unmarshal(whole, &file); err != nil {
			t.Fatal(err)
		}
		change(&file)
		b, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	cases := []struct {
		name string
		file []byte
		want string // a part of the error
	}{
		{"empty", nil, "not a key ring"},
		{"half", whole[:len(whole)/2], "not a key ring"},
		{"twice", append(bytes.Clone(whole), whole...), "not a key ring"},
		{"other JSON", []byte(`[1]`), "not a key ring"},
		{"no version", []byte(`{}`), "version 0"},
		{"newer", damaged(func(f *ringFile) { f.Version = 2 }), "version 2"},
		{"no root", damaged(func(f *ringFile) { f.Root = nil }), "root secret"},
		{"short root", damaged(func(f *ringFile) { f.Root = f.Root[:31] }), "root secret"},
		{"no keys", damaged(func(f *ringFile) { f.Keys = nil }), "root secret or keys"},
		{"short secret", damaged(func(f *ringFile) { f.Keys[0].Secret = f.Keys[0].Secret[:16] }), "is damaged"},
		{"long id", damaged(func(f *ringFile) { f.Keys[0].ID += "A" }), "is damaged"},
		{"id that no cookie can hold", damaged(func(f *ringFile) { f.Keys[0].ID = "a;b\n" }), "is damaged"},
		{"twice the same key", damaged(func(f *ringFile) { f.Keys = append(f.Keys, f.Keys[0]) }), "twice"},
		{"all revoked", damaged(func(f *ringFile) { f.Keys[0].Revoked = true }), "every key is revoked"},
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	for _, c := range cases {
		_, err := ParseRing(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = OpenRing(path, started)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: OpenRing: %v, want the file's name and %q", c.name, err, c.want)
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, c.file) {
			t.Errorf("%s: OpenRing changed a file it could not read", c.name)
		}
	}
}

// TestTake changes the keys of a ring in use: whoever holds it signs with the
// new key, and what a revoked one signed is void.
func TestTake(t *testing.T) {
	ring, err := NewRing(time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	held, token := ring, ring.Sign(ConsentCookie, nil, []byte("a"))
	rotated, err := ring.Rotate(time.Unix(2, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Take(rotated); err != nil {
		t.Fatal(err)
	}
	if _, err := held.Verify(ConsentCookie, token); err != nil {
		t.Errorf("after a rotation an older token: %v", err)
	}
	fresh := held.Sign(ConsentCookie, nil, []byte("b"))
	revoked, err := rotated.Revoke(rotated.Keys()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Take(revoked); err != nil {
		t.Fatal(err)
	}
	if _, err := held.Verify(ConsentCookie, token); !errors.Is(err, ErrSignature) {
		t.Errorf("a revoked key's token: %v, want ErrSignature", err)
	}
	if _, err := held.Verify(ConsentCookie, fresh); err != nil {
		t.Errorf("the new key's token: %v", err)
	}
	other, err := NewRing(time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Take(other); err == nil {
		t.Error("another ring was taken")
	}
	if _, err := held.Verify(ConsentCookie, fresh); err != nil {
		t.Errorf("after a refused ring: %v", err)
	}
}

func TestSaveKeepsTheOldRingWhereItFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := newRing(t).Save(path); err == nil {
		t.Fatal("a folder was replaced")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".keys-*")); len(left) > 0 {
		t.Errorf("secrets were left in %v", left)
	}
}
