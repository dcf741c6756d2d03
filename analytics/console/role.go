package console

import (
	"fmt"
	"slices"
)

// Role is what a principal works as.
type Role string

// The roles.
const (
	Marketer Role = "marketer" // reports, costs, links
	Mailer   Role = "mailer"   // mail consents, instrumenting, unsubscribes, the mail report
	Operator Role = "operator" // metrics, erasures, exports, incidents
	Admin    Role = "admin"    // all
)

// ParseRole finds a role by its name.
func ParseRole(name string) (Role, error) {
	r := Role(name)
	if slices.Contains([]Role{Marketer, Mailer, Operator, Admin}, r) {
		return r, nil
	}
	return "", fmt.Errorf("unknown role %q: write marketer, mailer, operator or admin", name)
}

// permission is one thing that a role may do.
type permission uint8

const (
	readReports permission = iota
	readMailReport
	readInstallation
	uploadCosts // costs and rates
	makeLinks   // ad links and pixels
	sendEvents  // of a website's own server
	sendMail    // consents, instrumenting, who left
	readAudit
	servePeople // erase and export persons, for them
)

// may reports whether the role covers p.
func (r Role) may(p permission) bool {
	switch r {
	case Admin:
		return true
	case Marketer:
		return p == readReports || p == readMailReport || p == readInstallation || p == uploadCosts || p == makeLinks || p == sendEvents
	case Mailer:
		return p == readMailReport || p == sendMail
	case Operator:
		return p == readInstallation || p == servePeople
	}
	return false
}

// toRead returns the permission that a report needs.
func toRead(report string) permission {
	if report == "mail" {
		return readMailReport
	}
	return readReports
}
