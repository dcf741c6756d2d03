package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

func sample() *Table {
	return &Table{
		Columns: []Column{{"source", Text, ""}, {"visits", Integer, ""}, {"value", Number, "CNY"}, {"rate", Number, Ratio}},
		Rows: []Row{
			{Measured, []any{"=HYPERLINK(\"x\")", int64(1200), Money(125000), 0.25}},
			{Measured, []any{"新品,\"发布\"\x1b[2J", int64(3), Money(-1), nil}},
			{Folded, []any{"(fewer than 5)", int64(2), Money(0), 0.5}},
		},
		Totals:  []any{nil, int64(1205), Money(124999), 0.125},
		Compare: &Comparison{DayOf(time.Unix(0, 0), time.UTC) + 1, 2, []any{nil, int64(1), Money(5), nil}},
		Meta: Meta{
			Report: "campaigns", Site: "shop", From: 20000, To: 20001, Timezone: "Asia/Shanghai", Currency: "CNY", MinGroup: 5, FoldedGroups: 2,
			CompleteUntil: time.Date(2026, 11, 24, 8, 0, 0, 5e6, time.UTC), Made: true, Filters: []Filter{{"source", "a:b", false}},
		},
	}
}

func TestJSONHasTheContractsShape(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, sample()); err != nil {
		t.Fatal(err)
	}
	const want = `{"columns":[{"name":"source","type":"string","unit":""},{"name":"visits","type":"integer","unit":""},` +
		`{"name":"value","type":"number","unit":"CNY"},{"name":"rate","type":"number","unit":"ratio"}],"rows":[
{"source":"=HYPERLINK(\"x\")","visits":1200,"value":12.50,"rate":0.25},
{"source":"新品,\"发布\"\u001b[2J","visits":3,"value":-0.0001,"rate":null},
{"source":"(fewer than 5)","visits":2,"value":0.00,"rate":0.5}],
"totals":{"visits":1205,"value":12.4999,"rate":0.125},
"compare":{"from":"1970-01-02","to":"1970-01-03","totals":{"visits":1,"value":0.0005,"rate":null}},
"meta":{"report":"campaigns","site":"shop","from":"2024-10-04","to":"2024-10-05","timezone":"Asia/Shanghai","currency":"CNY",` +
		`"complete_until":"2026-11-24T08:00:00Z","min_group":5,"folded_groups":2,"other_currencies":0,"made":true,"filters":["source:a:b"]}}
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if !json.Valid(b.Bytes()) {
		t.Error("not JSON")
	}
}

func TestCSVCannotRunAFormula(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", " =1": "' =1",
		"＝1": "'＝1", "a=1": "a=1", "": "", "(fewer than 5)": "(fewer than 5)",
	} {
		if got := guardFormula(in); got != want {
			t.Errorf("guardFormula(%q) = %q, want %q", in, got, want)
		}
	}
	var b bytes.Buffer
	if err := WriteCSV(&b, sample()); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"source", "visits", "value", "rate"},
		{`'=HYPERLINK("x")`, "1200", "12.50", "0.25"},
		{"新品,\"发布\"\x1b[2J", "3", "-0.0001", ""}, // a figure may begin with a minus
		{"(fewer than 5)", "2", "0.00", "0.5"},
	}
	for i := range want {
		if strings.Join(lines[i], "|") != strings.Join(want[i], "|") {
			t.Errorf("line %d: %q, want %q", i, lines[i], want[i])
		}
	}
}

func TestTextIsAlignedAndHarmless(t *testing.T) {
	var b bytes.Buffer
	if err := WriteText(&b, sample()); err != nil {
		t.Fatal(err)
	}
	const want = `source           visits    value    rate
───────────────  ──────  ───────  ──────
=HYPERLINK("x")    1200    12.50  25.00%
新品,"发布"�[2J       3  -0.0001        
(fewer than 5)        2     0.00  50.00%
───────────────  ──────  ───────  ──────
total              1205  12.4999  12.50%

campaigns of shop, 2024-10-04 to 2024-10-05 (Asia/Shanghai), amounts in CNY, complete until 2026-11-24 08:00:00 UTC
2 groups of fewer than 5 visitors are folded into one row.
This site's traffic is made by the demo.
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestMoneyIsExact(t *testing.T) {
	for in, want := range map[Money]string{
		0: "0.00", 1: "0.0001", 10: "0.001", 125000: "12.50", 125100: "12.51", -30000: "-3.00", 9223372036854775807: "922337203685477.5807",
		-9223372036854775808: "-922337203685477.5808",
	} {
		if got := in.String(); got != want {
			t.Errorf("Money(%d) = %s, want %s", int64(in), got, want)
		}
	}
}

func TestQueryFaultsSayWhatToDo(t *testing.T) {
	shop := &site.Site{ID: "shop", Zone: time.UTC}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		from, to, compare, filter string
		parameter                 string
	}{
		{"24.11.2026", "", "", "", "from"},
		{"", "2026-13-01", "", "", "to"},
		{"2026-11-02", "2026-11-01", "", "", "from"},
		{"1960-01-01", "1960-01-02", "", "", "from"},
		{"2001-01-01", "2026-11-01", "", "", "from"},
		{"", "", "century", "", "compare"},
		{"", "", "", "google", "filter"},
	} {
		var filters []string
		if c.filter != "" {
			filters = []string{c.filter}
		}
		_, err := ParseQuery(shop, c.from, c.to, c.compare, filters, now)
		var wrong *Error
		if !errors.As(err, &wrong) || wrong.Parameter != c.parameter || wrong.Fix == "" || wrong.Problem == "" {
			t.Errorf("%+v: %v, want an *Error about %s", c, err, c.parameter)
		}
	}
	q, err := ParseQuery(shop, "", "", "", nil, now)
	if err != nil || q.From.String() != "2026-10-26" || q.To.String() != "2026-11-24" {
		t.Errorf("without days: %s to %s, %v; want the last 30 days", q.From, q.To, err)
	}
	if _, err := Run(t.Context(), nil, "nonsense", q); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "campaigns") {
		t.Errorf("an unknown report: %v, want ErrUnknown naming the reports", err)
	}
}

func TestEarlierPeriods(t *testing.T) {
	for _, c := range []struct {
		from, to         string
		compare          Compare
		wantFrom, wantTo string
	}{
		{"2026-11-01", "2026-11-30", PreviousPeriod, "2026-10-02", "2026-10-31"},
		{"2026-11-24", "2026-11-24", PreviousPeriod, "2026-11-23", "2026-11-23"},
		{"2024-02-29", "2024-03-01", PreviousYear, "2023-02-28", "2023-03-01"},
	} {
		from, err := ParseDay(c.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := ParseDay(c.to)
		if err != nil {
			t.Fatal(err)
		}
		q := Query{From: from, To: to, Compare: c.compare}
		if gotFrom, gotTo := q.earlier(); gotFrom.String() != c.wantFrom || gotTo.String() != c.wantTo {
			t.Errorf("%s to %s %s: %s to %s, want %s to %s", c.from, c.to, c.compare, gotFrom, gotTo, c.wantFrom, c.wantTo)
		}
	}
}
