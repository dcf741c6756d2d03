package site

import (
	"strings"
	"testing"
)

func TestPurposeNames(t *testing.T) {
	want := strings.Fields("necessary preferences analytics marketing cross_border mail_open mail_click")
	for i, name := range want {
		p, err := ParsePurpose(name)
		if err != nil || int(p) != i || p.String() != name {
			t.Errorf("ParsePurpose(%q) = %d %q, %v; want %d", name, p, p, err, i)
		}
	}
	for _, bad := range []string{"", "Analytics", "ads", "cross-border"} {
		_, err := ParsePurpose(bad)
		if err == nil {
			t.Errorf("ParsePurpose(%q) without an error", bad)
			continue
		}
		for _, name := range want[1:NumVisitorPurposes] {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%v: does not offer %s", err, name)
			}
		}
		if strings.Contains(err.Error(), "mail_") {
			t.Errorf("%v: offers a recipient's purpose to a site", err)
		}
	}
	if NumVisitorPurposes != 5 || Purpose(99).String() != "purpose(99)" {
		t.Errorf("a visitor has %d purposes; purpose 99 is %q", NumVisitorPurposes, Purpose(99))
	}
}

func TestTransferComplete(t *testing.T) {
	whole := Transfer{"Example Inc", "US", "statistics", "contract", "other law"}
	if !whole.Complete() {
		t.Error("a transfer with all five texts is not complete")
	}
	for _, drop := range []func(*Transfer){
		func(x *Transfer) { x.Recipient = "" }, func(x *Transfer) { x.Country = "" }, func(x *Transfer) { x.Purpose = "" },
		func(x *Transfer) { x.Safeguards = "" }, func(x *Transfer) { x.Risks = "" },
	} {
		x := whole
		drop(&x)
		if x.Complete() {
			t.Errorf("%+v counts as complete", x)
		}
	}
}
