package site

import (
	"fmt"
	"strings"
)

// Purpose is what data is used for. A visitor says yes or no to each one
// alone (PIPL 14, GDPR Art. 6(1)(a) and recital 32: consent is specific).
type Purpose uint8

// The purposes, in the order in which they are shown and stored. Necessary is
// never asked for. MailOpen and MailClick belong to a recipient of mail, never
// to a visitor of a page.
const (
	Necessary Purpose = iota
	Preferences
	Analytics
	Marketing
	CrossBorder
	MailOpen
	MailClick

	// NumVisitorPurposes counts the purposes that a visitor's consent can
	// hold: everything before MailOpen.
	NumVisitorPurposes = int(MailOpen)
)

var purposeNames = [...]string{"necessary", "preferences", "analytics", "marketing", "cross_border", "mail_open", "mail_click"}

// String returns the purpose's name in configuration, requests and records.
func (p Purpose) String() string {
	if int(p) < len(purposeNames) {
		return purposeNames[p]
	}
	return fmt.Sprintf("purpose(%d)", uint8(p))
}

// ParsePurpose finds a purpose by its name.
func ParsePurpose(name string) (Purpose, error) {
	for i, n := range purposeNames {
		if n == name {
			return Purpose(i), nil
		}
	}
	return 0, fmt.Errorf("unknown purpose %q: write one of %s", name, strings.Join(purposeNames[1:NumVisitorPurposes], ", "))
}

// PurposeUse is a purpose as one site uses it. Version rises when the use
// grows wider: every earlier decision on that purpose then counts as unset and
// the visitor is asked again (policy 2.3.5).
type PurposeUse struct {
	ID      Purpose
	Version int
}
