package identity

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestSealRef(t *testing.T) {
	r, err := NewRing(time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"anna@example.org", "weekly"}, {"", "weekly"}, {"7", ""}, {"", ""}, {"~.", "\x00"}} {
		sealed := r.SealRef("shop", c[0], c[1])
		ref, list, err := r.OpenRef("shop", sealed)
		if err != nil || ref != c[0] || list != c[1] {
			t.Errorf("%q came back as %q, %q, %v", c, ref, list, err)
		}
		if (sealed == "") != (c == [2]string{}) || strings.Contains(sealed, "anna") {
			t.Errorf("%q is sealed as %q", c, sealed)
		}
		if _, _, err := r.OpenRef("blog", sealed); sealed != "" && !errors.Is(err, ErrPayload) {
			t.Errorf("%q of another site: %v", c, err)
		}
	}
	sealed := r.SealRef("shop", "7", "weekly")
	for _, bad := range []string{"x", sealed[:len(sealed)-2], r.Seal(Erase, []byte("\x04shop\x017\x06weekly")), r.Seal(Sender, []byte("\x04shop\x09")), r.Seal(Sender, []byte("\x04shop\x00\x00x"))} {
		if ref, list, err := r.OpenRef("shop", bad); err == nil {
			t.Errorf("%q opened as %q, %q", bad, ref, list)
		}
	}
	rotated, err := r.Rotate(time.Unix(2, 0))
	if err == nil {
		rotated, err = rotated.Revoke(sealed[:4])
	}
	if err != nil {
		t.Fatal(err)
	}
	if ref, _, err := rotated.OpenRef("shop", sealed); err != nil || ref != "7" {
		t.Errorf("after its key was revoked: %q, %v", ref, err)
	}
}

// TestSiteSecretIsOnesOwn: what is kept of derived secrets mixes up neither sites
// nor names.
func TestSiteSecretIsOnesOwn(t *testing.T) {
	r, err := NewRing(time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]siteSecret{}
	for range 2 {
		for _, of := range []siteSecret{{"shop", "subject"}, {"shop", "recipient"}, {"blog", "subject"}, {"", "shop/subject"}} {
			secret := string(r.SiteSecret(of.site, of.name))
			if before, ok := seen[secret]; ok && before != of {
				t.Errorf("%v and %v have one secret", before, of)
			}
			seen[secret] = of
			if want := string(derive(r.file().Root, of.name+"/"+of.site)); secret != want {
				t.Errorf("%v: not what is derived", of)
			}
		}
	}
}

func BenchmarkSubjectHash(b *testing.B) {
	r, err := NewRing(time.Unix(1, 0))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		r.SubjectHash("shop", uint64(i)+1)
	}
}
