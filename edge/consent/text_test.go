package consent

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kunjicloud/kunji/edge/site"
)

// aRecord draws records as a site can make them: ids as the configuration
// allows, services sorted, an id exactly where something is granted.
func aRecord(t *rapid.T) Record {
	id := rapid.StringMatching(`[a-z0-9-]{1,32}`)
	r := Record{
		Site: id.Draw(t, "site"), Policy: rapid.IntRange(1, 1e6).Draw(t, "policy"),
		Signal: rapid.Bool().Draw(t, "signal"), Day: rapid.Int32Range(0, 1<<20).Draw(t, "day"),
		Age: Age(rapid.IntRange(int(NotAsked), int(Minor)).Draw(t, "age")),
	}
	r.Guardian = r.Age == Minor && rapid.Bool().Draw(t, "guardian")
	for p := site.Preferences; p <= site.CrossBorder; p++ {
		if d := Decision(rapid.IntRange(int(Unset), int(Granted)).Draw(t, p.String())); d != Unset {
			r.Choices[p] = Choice{d, rapid.IntRange(1, 1e6).Draw(t, "version")}
		}
	}
	for _, sv := range rapid.SliceOfN(id, 0, 5).Draw(t, "services") {
		r.SetService(sv, rapid.Bool().Draw(t, sv))
	}
	if r.Grants() {
		r.ID[0] = 1
		copy(r.ID[1:], rapid.SliceOfN(rapid.Byte(), 15, 15).Draw(t, "id"))
	}
	return r
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := aRecord(t)
		text := r.AppendText(nil)
		for _, b := range text {
			if b == '.' || b == ';' || b <= ' ' || b >= 0x7f {
				t.Fatalf("%q cannot be a signed cookie's payload", text)
			}
		}
		got, err := ParseRecord(text)
		if err != nil {
			t.Fatalf("ParseRecord(%q): %v", text, err)
		}
		want := r
		if !r.Grants() {
			want.Services, want.Guardian, want.Age = nil, false, min(r.Age, Unanswered)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q\n got %+v\nwant %+v", text, got, want)
		}
	})
}

// Contract: "a decision that grants nothing leaves in kj_consent only
// decisions, versions, signal and day: nothing that differs between two
// refusers (byte-equal)".
func TestTwoRefusersAreByteEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := aRecord(t), aRecord(t)
		for p := range one.Choices {
			if one.Choices[p].Decision == Granted {
				one.Choices[p].Decision = Denied
			}
		}
		one.ID = [16]byte{}
		two.Site, two.Choices, two.Policy, two.Signal, two.Day, two.ID = one.Site, one.Choices, one.Policy, one.Signal, one.Day, one.ID
		if one.Age == NotAsked || two.Age == NotAsked {
			two.Age = one.Age // the site asks everybody or nobody
		}
		a, b := one.AppendText(nil), two.AppendText(nil)
		if string(a) != string(b) {
			t.Fatalf("two refusers differ:\n%s\n%s", a, b)
		}
	})
}

func TestTextIsTheDocumentedFormat(t *testing.T) {
	r := accepted()
	r.Choices[site.Analytics] = Choice{Denied, 1}
	r.Choices[site.CrossBorder] = Choice{}
	r.Day, r.Policy, r.Signal, r.Age, r.Guardian = 20781, 7, true, Minor, true
	r.SetService("ga4", false)
	r.SetService("ads", true)
	const want = "1~shop~p2g_a1d_m2g~ads:g_ga4:d~7~smG~20781~AQAAAAAAAAAAAAAAAAAAAA"
	if got := string(r.AppendText([]byte("x="))); got != "x="+want {
		t.Errorf("granting record\n got %s\nwant x=%s", got, want)
	}
	r = refused()
	r.Day, r.Age = 20781, Adult
	if got := string(r.AppendText(nil)); got != "1~shop~p2d_a2d_m2d_x2d~~4~u~20781~" {
		t.Errorf("refusing record: %s", got)
	}
}

func TestParseRecordRefuses(t *testing.T) {
	const good = "1~shop~a1g~ga4:d~7~sa~20781~AQAAAAAAAAAAAAAAAAAAAA"
	if _, err := ParseRecord([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"empty":                  "",
		"a field less":           "1~shop~a1g~ga4:d~7~sa~20781",
		"a field more":           good + "~",
		"another format":         "2" + good[1:],
		"another purpose":        strings.Replace(good, "a1g", "z1g", 1),
		"necessary":              strings.Replace(good, "a1g", "\x001g", 1),
		"another answer":         strings.Replace(good, "a1g", "a1x", 1),
		"no version":             strings.Replace(good, "a1g", "ag", 1),
		"a version too large":    strings.Replace(good, "a1g", "a99999999999999999999g", 1),
		"a version with a plus":  strings.Replace(good, "a1g", "a+1g", 1),
		"a version with zeros":   strings.Replace(good, "a1g", "a01g", 1),
		"a purpose twice":        strings.Replace(good, "a1g", "a1g_a1d", 1),
		"purposes out of order":  strings.Replace(good, "a1g", "m1g_a1g", 1),
		"a trailing separator":   strings.Replace(good, "a1g", "a1g_", 1),
		"a service twice":        strings.Replace(good, "ga4:d", "ga4:d_ga4:g", 1),
		"services out of order":  strings.Replace(good, "ga4:d", "ga4:d_ads:g", 1),
		"a service without name": strings.Replace(good, "ga4:d", ":d", 1),
		"a service undecided":    strings.Replace(good, "ga4:d", "ga4", 1),
		"a long service answer":  strings.Replace(good, "ga4:d", "ga4:dd", 1),
		"an unknown flag":        strings.Replace(good, "~sa~", "~sz~", 1),
		"two ages":               strings.Replace(good, "~sa~", "~sma~", 1),
		"flags out of order":     strings.Replace(good, "~sa~", "~as~", 1),
		"a day that is no day":   strings.Replace(good, "20781", "2078x", 1),
		"a day too large":        strings.Replace(good, "20781", "99999999999", 1),
		"a policy with a sign":   strings.Replace(good, "~7~", "~+7~", 1),
		"a grant without id":     strings.Replace(good, "AQAAAAAAAAAAAAAAAAAAAA", "", 1),
		"an id without grant":    strings.Replace(good, "a1g", "a1d", 1),
		"a short id":             strings.Replace(good, "AQAAAAAAAAAAAAAAAAAAAA", "AQAAAAAAAAAAAAAAAAAA", 1),
		"an id with line breaks": strings.Replace(good, "AQAAAAAAAAAAAAAAAAAAAA", "AQAAAAAAAAAAAAAAAAAA\n\n", 1),
		"an id spelt otherwise":  strings.Replace(good, "AQAAAAAAAAAAAAAAAAAAAA", "AQAAAAAAAAAAAAAAAAAAAB", 1),
		"a refusal with a name":  "1~shop~a1d~ga4:d~7~s~20781~",
		"a refusal with an age":  "1~shop~a1d~~7~sa~20781~",
	} {
		if r, err := ParseRecord([]byte(bad)); err == nil {
			t.Errorf("%s: %q was read as %+v", name, bad, r)
		}
	}
}

// FuzzParseRecord: no input panics, and what is accepted is written the same.
func FuzzParseRecord(f *testing.F) {
	for _, seed := range []string{
		"1~shop~a1g~ga4:d~7~sa~20781~AQAAAAAAAAAAAAAAAAAAAA", "1~shop~p2d_a2d_m2d_x2d~~4~u~20781~",
		"1~~~~0~~0~", "~~~~~~~", "1~s~a1g~:~1~G~-1~", "1~s~_~_~~~~",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseRecord(text)
		if err != nil {
			return
		}
		if again := r.AppendText(nil); string(again) != string(text) {
			t.Errorf("%q was read, but is written %q", text, again)
		}
		if r.Grants() == (r.ID == [16]byte{}) {
			t.Errorf("%q: id and grants contradict", text)
		}
	})
}

func BenchmarkParseRecord(b *testing.B) {
	r := accepted()
	text := r.AppendText(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRecord(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	s := &Situation{Site: testSite(), Now: today, Record: accepted()}
	b.ReportAllocs()
	for b.Loop() {
		if v := Judge(2, s); v.Reason != 0 {
			b.Fatal(v)
		}
	}
}
