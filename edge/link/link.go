// Package link makes the addresses that advertisements carry: a signed click
// link, or an impression pixel for a first-party page.
//
//	campaign and destination ──▶ checked ──▶ UTM tags ──▶ signed ──▶ address
//
// The destination, with its UTM tags, stands inside the signature: the edge
// redirects to exactly it and to nothing else. The click is counted by the
// token's campaign and the visit that follows by the tags, so both must say
// the same; Make refuses an address whose own tags say something else. Nothing
// is stored: a link is valid for as long as the ring believes its key.
package link

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/kunjicloud/kunji/edge/enrich"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/site"
)

// maxField is the most bytes of a campaign's field that an event keeps; a
// longer one would be cut at the visit and not at the click.
const maxField = 128

// Wanted is a link to be made.
type Wanted struct {
	Site *site.Site
	// Impression makes a pixel; else it is a click link.
	Impression bool
	// Destination is where a click leads; empty for an impression.
	Destination string
	// Campaign has Source, Medium and Name, and may have Content, Term and ID.
	Campaign event.Campaign
	// Test marks a link made to be tried out: its hits are not kept.
	Test bool
}

// Made is a link that was made.
type Made struct {
	Address     string // what the advertisement carries
	Destination string // where a click leads, with UTM tags; empty for an impression
	// Own says that the destination is on a domain of the site: elsewhere
	// nobody sees the visit.
	Own bool
}

// FieldError says which part of a wanted link is wrong, and what to do.
type FieldError struct{ Field, Problem, Fix string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem + ": " + e.Fix }

// Make signs a link. What is wrong with w is a *FieldError.
func Make(r *identity.Ring, w Wanted) (Made, error) {
	if len(w.Site.Endpoints) == 0 {
		return Made{}, fmt.Errorf("site %s has no endpoint for its links", w.Site.ID)
	}
	c, err := CheckCampaign(w.Campaign)
	if err != nil {
		return Made{}, err
	}
	made, use, path, ending := Made{}, identity.Click, "/c/", ""
	if w.Impression {
		use, path, ending = identity.Impression, "/i/", ".gif"
		if w.Destination != "" {
			return Made{}, &FieldError{"url", "an impression leads nowhere", "leave it out"}
		}
	} else if made, err = lead(w, c); err != nil {
		return Made{}, err
	}
	token, err := r.SealLink(use, identity.Link{Site: w.Site.ID, Destination: made.Destination, Campaign: c, Test: w.Test})
	if err != nil {
		return Made{}, fmt.Errorf("make a link of site %s: %w", w.Site.ID, err)
	}
	made.Address = strings.TrimSuffix(w.Site.Endpoints[0].String(), "/") + path + token + ending
	return made, nil
}

// CheckCampaign brings a campaign into the form in which visits record it; what
// cannot be recorded so is a *FieldError.
func CheckCampaign(c event.Campaign) (event.Campaign, error) {
	out := event.Campaign{
		Source: strings.ToLower(strings.TrimSpace(c.Source)), Medium: strings.ToLower(strings.TrimSpace(c.Medium)),
		Name: strings.TrimSpace(c.Name), Content: strings.TrimSpace(c.Content), Term: strings.TrimSpace(c.Term), ID: strings.TrimSpace(c.ID),
	}
	for _, f := range []struct {
		name, value string
		needed      bool
	}{
		{"source", out.Source, true},
		{"medium", out.Medium, true},
		{"campaign", out.Name, true},
		{"content", out.Content, false},
		{"term", out.Term, false},
		{"id", out.ID, false},
	} {
		switch {
		case f.needed && f.value == "":
			return out, &FieldError{f.name, "is missing", "write it as reports are to show it"}
		case len(f.value) > maxField:
			return out, &FieldError{f.name, fmt.Sprintf("has %d bytes", len(f.value)), fmt.Sprintf("write at most %d", maxField)}
		case enrich.Redact(f.value) != f.value:
			return out, &FieldError{f.name, "looks like a mail address, a long number or a random code, and would be kept as :redacted", "write a name that names nobody"}
		}
	}
	return out, nil
}

// lead checks where a click leads, and tags it.
func lead(w Wanted, c event.Campaign) (Made, error) {
	to := strings.TrimSpace(w.Destination)
	if err := identity.CheckDestination(to); err != nil {
		return Made{}, &FieldError{"url", err.Error(), "write the landing page's whole address, such as https://shop.example/offers"}
	}
	at, err := url.Parse(to)
	if err != nil {
		return Made{}, &FieldError{"url", "does not parse", "write the landing page's whole address, such as https://shop.example/offers"}
	}
	for _, e := range w.Site.Endpoints {
		if strings.EqualFold(at.Host, e.Host) && isEdge(strings.TrimPrefix(at.Path, strings.TrimSuffix(e.Path, "/"))) {
			return Made{}, &FieldError{"url", "is itself a link of the edge", "name the page that it leads to"}
		}
	}
	made := Made{Own: w.Site.Covers(strings.ToLower(at.Hostname()))}
	made.Destination, _ = mail.AddTags(to, c) // where it has tags, they must be the same
	if identity.CheckDestination(made.Destination) != nil {
		return Made{}, &FieldError{"url", "is too long with its UTM tags", "shorten it"}
	}
	if err := sameCampaign(made.Destination, c); err != nil {
		return Made{}, err
	}
	return made, nil
}

// isEdge finds the edge's own tracking addresses, which must not lead to one
// another.
func isEdge(path string) bool {
	for _, own := range []string{"/c/", "/i/", "/o/", "/u/"} {
		if strings.HasPrefix(path, own) {
			return true
		}
	}
	return false
}

// sameCampaign reads a destination as the visit will, and compares.
func sameCampaign(destination string, c event.Campaign) error {
	visit := enrich.ParseSource(destination, "", nil)
	for _, f := range [...][3]string{
		{"utm_source", visit.Source, c.Source},
		{"utm_medium", visit.Medium, c.Medium},
		{"utm_campaign", visit.Campaign, c.Name},
		{"utm_content", visit.Content, c.Content},
		{"utm_term", visit.Term, c.Term},
		{"utm_id", visit.CampaignID, c.ID},
	} {
		if f[1] != f[2] {
			return &FieldError{
				"url", fmt.Sprintf("its visits would count for another campaign than its clicks: %s is %q there, and %q here", f[0], f[1], f[2]),
				"take the utm_ parameters out of the address, or write the same campaign",
			}
		}
	}
	return nil
}
