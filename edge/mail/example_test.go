package mail_test

import (
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
)

// A mail for somebody who agreed to both: links lead over the edge, and one
// image tells that the mail was opened.
func ExampleInstrument() {
	ring, err := identity.NewRing(time.Now()) // a service opens its key file: identity.OpenRing
	if err != nil {
		log.Fatal(err)
	}
	address, err := mail.ParseAddress("Anna <anna@example.org>")
	if err != nil {
		log.Fatal(err)
	}
	result, err := mail.Instrument(mail.Options{
		Site:      "shop",
		Ring:      ring,
		Endpoint:  "https://t.shop.example",
		Campaign:  event.Campaign{Name: "spring"},
		Recipient: address.Recipient(ring, "shop"),
		Sent:      time.Now(),
		MayOpen:   true, // what this recipient agreed to
		MayClick:  true,
		Ref:       "subscriber-42", // comes back to the sender, and to nobody else, if Anna leaves
	}, []byte(`<html><body>
<a href="https://shop.example/offers">Offers</a>
<a href="mailto:help@shop.example">Help</a>
<a href="kunji:unsubscribe">Leave</a>
</body></html>`))
	if err != nil {
		log.Fatal(err)
	}
	for _, link := range result.Links {
		fmt.Println(link.Address, link.Decision)
	}
	for _, header := range result.Headers {
		fmt.Println(header.Name)
	}
	fmt.Println("pixel:", strings.Count(string(result.HTML), "<img"))
	// Output:
	// https://shop.example/offers tracked
	// mailto:help@shop.example scheme
	// kunji:unsubscribe placed
	// List-Unsubscribe
	// List-Unsubscribe-Post
	// pixel: 1
}
