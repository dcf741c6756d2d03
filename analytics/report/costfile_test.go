package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

func readCosts(t *testing.T, text string, o CostFile) ([]Cost, error) {
	t.Helper()
	o.Site = newSite(t, "shop", "Asia/Shanghai", "CNY")
	return ReadCosts(strings.NewReader(text), o)
}

// lineOf writes a cost in one line, so that tables of them can be read.
func lineOf(c Cost) string {
	return fmt.Sprintf("%s %s/%s/%s/%s/%s %s %s %d %d", Day(c.Day), c.Source, c.Medium, c.Campaign, c.Content, c.Term, Money(c.Amount), c.Currency, c.Impressions, c.Clicks)
}

func linesOf(costs []Cost) (lines []string) {
	for _, c := range costs {
		lines = append(lines, lineOf(c))
	}
	return lines
}

func TestOwnCostsAreRead(t *testing.T) {
	costs, err := readCosts(t, "\ufeffday,source,medium,campaign,content,term,amount,currency,impressions,clicks\r\n"+
		"2026-11-24,Google,CPC,Autumn,red,shoes,1234.5678,USD,1000,20\r\n"+
		"\r\n"+
		"2026-11-24,google,cpc,\"Autumn, late\",,,7,,,\r\n", CostFile{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2026-11-24 google/cpc/Autumn/red/shoes 1234.5678 USD 1000 20",
		"2026-11-24 google/cpc/Autumn, late// 7.00 CNY 0 0",
	}
	if got := linesOf(costs); !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	fromJSON, err := ReadCostsJSON(strings.NewReader(`[{"day":"2026-11-24","source":"Google","medium":"CPC","campaign":"Autumn","content":"red",
		"term":"shoes","amount":1234.5678,"currency":"USD","impressions":1000,"clicks":"20"},
		{"day":"2026-11-24","source":"google","medium":"cpc","campaign":"Autumn, late","amount":"7","clicks":null}]`), newSite(t, "shop", "UTC", "CNY"))
	if err != nil || !reflect.DeepEqual(fromJSON, costs) {
		t.Errorf("JSON gives %q, %v", linesOf(fromJSON), err)
	}
}

func TestWrongCostsAreToldByLineAndColumn(t *testing.T) {
	const header = "day,source,medium,campaign,amount,currency,clicks\n"
	for _, c := range []struct {
		text   string
		line   int
		column string
		says   string
	}{
		{"", 1, "", "no line names the columns"},
		{"a,b,c\n1,2,3\n", 1, "", "no line names the columns"},
		{header, 1, "", "no row"},
		{header + "24/11/2026,s,m,c,1,,\n", 2, "day", `"24/11/2026" is not a day`},
		{header + "2026-02-30,s,m,c,1,,\n", 2, "day", "2026-02-30"},
		{header + "2026-11-24,,m,c,1,,\n", 2, "source", "empty"},
		{header + "2026-11-24,s,m,c,-1,,\n", 2, "amount", `"-1" is not an amount`},
		{header + "2026-11-24,s,m,c,1.23456,,\n", 2, "amount", "1.23456"},
		{header + "2026-11-24,s,m,c,\"1,23\",,\n", 2, "amount", "1,23"},
		{header + "2026-11-24,s,m,c,,,\n", 2, "amount", `""`},
		{header + "2026-11-24,s,m,c,1,euro,\n", 2, "currency", "EURO"},
		{header + "2026-11-24,s,m,c,1,,many\n", 2, "clicks", "many"},
		{header + "2026-11-24,s,m," + strings.Repeat("c", 257) + ",1,,\n", 2, "campaign", "257 bytes"},
		{header + "2026-11-24,s,m,c,1,,\n\n2026-11-24,s,m,c,2,,\n", 4, "campaign", "as line 2"},
		{header + "2026-11-24,s,m,\"c,1,,\n", 2, "character 23", "quote"},
		{"day\xff\xff,source,amount\n", 1, "", "neither UTF-8"},
	} {
		costs, err := readCosts(t, c.text, CostFile{})
		var wrong *FileError
		if !errors.As(err, &wrong) || costs != nil {
			t.Errorf("%q: %v and %d costs, want a *FileError and none", c.text, err, len(costs))
			continue
		}
		f := wrong.Faults[0]
		if f.Line != c.line || f.Column != c.column || !strings.Contains(f.Problem, c.says) || f.Fix == "" {
			t.Errorf("%q: %+v, want line %d, column %q, %q and what to do", c.text, f, c.line, c.column, c.says)
		}
	}
	_, err := readCosts(t, header+strings.Repeat("x,s,m,c,1,,\n", 40), CostFile{})
	var wrong *FileError
	if !errors.As(err, &wrong) || len(wrong.Faults) != maxFaults || !wrong.More {
		t.Errorf("forty faults: %v", err)
	}
}

// The files in testdata have the headings, preambles, totals and encodings of
// the platforms' exports, with made figures.
func TestPlatformExportsAreRead(t *testing.T) {
	for _, c := range []struct {
		file     string
		o        CostFile
		encode   func(string) string
		platform string
		want     []string
	}{
		{"google_ads.csv", CostFile{}, nil, "", []string{
			"2026-11-23 google/cpc/autumn_sale/shoes/ 1234.50 CNY 20300 410",
			"2026-11-23 google/cpc/brand/name/ 80.00 CNY 900 77",
			"2026-11-24 google/cpc/autumn_sale/shoes/ 0.00 CNY 12 0",
		}},
		{"google_ads.csv", CostFile{Platform: "google_ads", Source: "Adwords", Medium: "Paid"}, asUTF16Tabs, "", []string{
			"2026-11-23 adwords/paid/autumn_sale/shoes/ 1234.50 CNY 20300 410",
			"2026-11-23 adwords/paid/brand/name/ 80.00 CNY 900 77",
			"2026-11-24 adwords/paid/autumn_sale/shoes/ 0.00 CNY 12 0",
		}},
		{"meta.csv", CostFile{}, nil, "", []string{
			"2026-11-23 facebook/paid_social/Autumn/video A/ 70.25 USD 3000 31", // two ad sets are added up
			"2026-11-23 facebook/paid_social/Autumn/video B/ 5.00 USD 100 0",
			"2026-11-24 facebook/paid_social/Total Body/video C/ 8.00 USD 40 2", // a name, not a total
		}},
		{"baidu.csv", CostFile{}, asGB18030, "", []string{
			"2026-11-23 baidu/cpc/秋季促销//运动鞋 356.78 CNY 8100 95",
			"2026-11-24 baidu/cpc/秋季促销//跑鞋 1024.00 CNY 9000 120",
		}},
	} {
		raw, err := os.ReadFile(filepath.Join("testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		if c.encode != nil {
			text = c.encode(text)
		}
		costs, err := readCosts(t, text, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if got := linesOf(costs); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s\n got %q\nwant %q", c.file, got, c.want)
		}
	}
}

func asUTF16Tabs(s string) string {
	s = strings.NewReplacer(`"1,234.50"`, "1,234.50", `"20,300"`, "20,300", `"November 23, 2026 - November 24, 2026"`, "November 23 2026").Replace(s)
	var out []string
	for _, line := range strings.Split(s, "\n") {
		if !strings.Contains(line, "1,234.50") {
			line = strings.ReplaceAll(line, ",", "\t")
		} else {
			line = strings.NewReplacer("1,234.50", "1234.50", "20,300", "20300").Replace(line)
			line = strings.ReplaceAll(line, ",", "\t")
		}
		out = append(out, line)
	}
	text, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(strings.Join(out, "\n"))
	return text
}

func asGB18030(s string) string {
	text, _ := simplifiedchinese.GB18030.NewEncoder().String(s)
	return text
}

func TestRatesAreRead(t *testing.T) {
	own := newSite(t, "shop", "UTC", "CNY")
	got, err := ReadRates(strings.NewReader("day,currency,rate\n2026-11-01,usd,7.1234\n2026-11-02,EUR,8\n"), own)
	want := []Rate{{Site: "shop", Currency: "USD", Day: 20758, Worth: 7_12340000}, {Site: "shop", Currency: "EUR", Day: 20759, Worth: 8_00000000}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if got, err = ReadRatesJSON(strings.NewReader(`[{"day":"2026-11-01","currency":"USD","rate":7.1234},{"day":"2026-11-02","currency":"EUR","rate":"8"}]`), own); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("JSON: %+v, %v", got, err)
	}
	for text, column := range map[string]string{
		"day,currency,rate\n1/11/2026,USD,7\n": "day", "day,currency,rate\n2026-11-01,CNY,7\n": "currency",
		"day,currency,rate\n2026-11-01,USD,0\n": "rate", "day,currency,rate\n2026-11-01,USD,-7\n": "rate",
		"day,currency,rate\n2026-11-01,USD,7.123456789\n": "rate", "day,rate\n": "", "day,currency,rate\n": "",
	} {
		_, err := ReadRates(strings.NewReader(text), own)
		var wrong *FileError
		if !errors.As(err, &wrong) || wrong.Faults[0].Column != column {
			t.Errorf("%q: %v, want a fault in %q", text, err, column)
		}
	}
}

func FuzzReadCosts(f *testing.F) {
	for _, name := range []string{"google_ads.csv", "meta.csv", "baidu.csv"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		costs, err := ReadCosts(strings.NewReader(string(raw)), CostFile{Site: newSite(t, "shop", "UTC", "EUR")})
		if (err == nil) != (len(costs) > 0) {
			t.Errorf("%d costs and %v", len(costs), err)
		}
	})
}
