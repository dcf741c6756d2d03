package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/kunjicloud/kunji/edge/mail"
)

// TestWriteAmong: an address is printed as the sender wrote it, and nothing that
// cannot be read is passed over.
func TestWriteAmong(t *testing.T) {
	all := func(mail.Address) bool { return true }
	for list, want := range map[string]string{
		"":                                   "",
		"Anna@example.org\r\n\n b@c.example": "Anna@example.org\nb@c.example\n",
	} {
		var out strings.Builder
		if err := writeAmong(strings.NewReader(list), &out, all); err != nil || out.String() != want {
			t.Errorf("%q: %q, %v", list, out.String(), err)
		}
	}
	for list, want := range map[string]string{
		"anna@example.org\n\nanna": "line 3 of standard input is not a mail address",
		strings.Repeat("a", 1<<17): "read the list of addresses from standard input",
	} {
		var out strings.Builder
		err := writeAmong(strings.NewReader(list), &out, all)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", list, err)
		}
	}
	stop := errors.New("full")
	if err := writeAmong(strings.NewReader("a@b.example"), failing{stop}, all); !errors.Is(err, stop) {
		t.Errorf("a full disk: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
