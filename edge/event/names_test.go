package event

import (
	"reflect"
	"strings"
	"testing"
)

// The contract's names: websites, reports and ClickHouse rely on them.
func TestNames(t *testing.T) {
	var kinds, reasons []string
	for _, k := range Kinds() {
		kinds = append(kinds, k.String())
		if got, err := ParseKind(k.String()); got != k || err != nil {
			t.Errorf("ParseKind(%q) = %d, %v", k, got, err)
		}
	}
	for _, r := range Reasons() {
		reasons = append(reasons, r.String())
	}
	if got, want := strings.Join(kinds, " "), "page_view custom visit impression click conversion refund mail_open mail_click"; got != want {
		t.Errorf("kinds\n got %s\nwant %s", got, want)
	}
	if got, want := strings.Join(reasons, " "), "no_consent gpc withdrawn policy_outdated expired bad_signature minor site_stopped unknown_site wrong_origin cross_border unsubscribed invalid rate_limited overloaded"; got != want {
		t.Errorf("reasons\n got %s\nwant %s", got, want)
	}
	for basis, want := range map[Basis]string{0: "", BasisRecord: "record", BasisMail: "mail", BasisOptOut: "opt_out"} {
		if basis.String() != want {
			t.Errorf("basis %d is %q, want %q", basis, basis, want)
		}
	}
	if Kind(200).String() != "unknown" || Reason(200).String() != "unknown" || None.String() != "" {
		t.Error("a value outside the set has a name of the set")
	}
	for _, bad := range []string{"", "unknown", "Page_View", "pageview", "page_view "} {
		if k, err := ParseKind(bad); err == nil || k != 0 {
			t.Errorf("ParseKind(%q) = %d without an error", bad, k)
		}
	}
}

// TestPolicy_7_2_NoFieldForWhatIsNeverKept: what cannot be named cannot be
// stored. A field whose name sounds like one of these needs a look at policy
// 2.2.2 and 7.2 first.
func TestPolicy_7_2_NoFieldForWhatIsNeverKept(t *testing.T) {
	never := []string{"address", "ip", "useragent", "ua", "mail", "email", "cookie", "query", "url", "fragment", "fingerprint", "userid", "phone", "clickid", "gclid"}
	for _, typ := range []reflect.Type{reflect.TypeFor[Event](), reflect.TypeFor[Consent](), reflect.TypeFor[Refusal](), reflect.TypeFor[Notice](), reflect.TypeFor[Erasure](), reflect.TypeFor[Wording](), reflect.TypeFor[Statement](), reflect.TypeFor[Place](), reflect.TypeFor[Agent](), reflect.TypeFor[Campaign]()} {
		for i := range typ.NumField() {
			for _, word := range never {
				if strings.ToLower(typ.Field(i).Name) == word {
					t.Errorf("%s has a field %s", typ.Name(), typ.Field(i).Name)
				}
			}
		}
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[Refusal](), reflect.TypeFor[Notice]()} {
		for i := range typ.NumField() {
			switch name := typ.Field(i).Name; name {
			case "Visitor", "Session", "Subject", "Recipient", "ID", "Record", "Path", "Host":
				t.Errorf("%s counts nobody in particular, but has a field %s", typ.Name(), name)
			}
		}
	}
}
