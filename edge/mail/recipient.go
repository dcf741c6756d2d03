package mail

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/kunjicloud/kunji/edge/identity"
)

// maxAddress is the longest address in bytes (RFC 5321 §4.5.3.1.3 allows 256
// with its angle brackets).
const maxAddress = 254

// ErrAddress says that a text is no mail address. It never shows the text.
var ErrAddress = errors.New("not a mail address: write it as name@example.org")

// Address is a mail address for as long as a request lasts. It becomes a
// recipient or goes to a mail server, and can be neither printed, logged nor
// marshalled: what keeps addresses out of logs and errors is the type.
//
// It holds a pointer, because fmt would print a value inside another struct.
type Address struct {
	at *string
}

// ParseAddress reads one address, alone or as in a header ("Anna
// <anna@example.org>"), and brings it into the form that is hashed:
//
//   - The domain in lower case and in ASCII (IDNA 2008), as names have no case.
//   - The local part in Unicode normal form C and in lower case. RFC 5321 §2.4
//     lets a server tell Anna@ from anna@, but none in use does, and an
//     unsubscribe of one spelling must reach mail to the other.
//   - Dots and +tags stay: where they mean the same mailbox is each provider's
//     own rule, and who gave a tagged address may want it treated apart.
func ParseAddress(text string) (Address, error) {
	parsed, err := netmail.ParseAddress(text)
	if err != nil {
		return Address{}, ErrAddress
	}
	at := strings.LastIndexByte(parsed.Address, '@')
	if at <= 0 {
		return Address{}, ErrAddress
	}
	domain, err := idna.Lookup.ToASCII(parsed.Address[at+1:])
	if err != nil || domain == "" {
		return Address{}, ErrAddress
	}
	local := norm.NFC.String(strings.ToLower(parsed.Address[:at]))
	address := local + "@" + strings.ToLower(domain)
	if len(address) > maxAddress {
		return Address{}, ErrAddress
	}
	return Address{at: &address}, nil
}

// Recipient is the address as a site knows it: the first eight bytes of
// HMAC-SHA-256 under the site's own key, which never rotates, and never 0. The
// same address is another recipient on every other site. While the key exists
// this is pseudonymous data, not anonymous.
func (a Address) Recipient(r *identity.Ring, site string) uint64 {
	if a.at == nil {
		return 0
	}
	h := hmac.New(sha256.New, r.SiteSecret(site, "recipient"))
	h.Write([]byte(*a.at))
	sum := h.Sum(nil)
	for len(sum) >= 8 {
		if v := binary.BigEndian.Uint64(sum); v != 0 {
			return v
		}
		sum = sum[8:]
	}
	return 1
}

// Deliver hands the normalised address to a mail server's client, the only
// place that needs it.
func (a Address) Deliver(to func(address string) error) error {
	if a.at == nil {
		return ErrAddress
	}
	return to(*a.at)
}

// Format prints "mail address" for every verb.
func (Address) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("mail address")) }

// LogValue makes slog print "mail address".
func (Address) LogValue() slog.Value { return slog.StringValue("mail address") }
