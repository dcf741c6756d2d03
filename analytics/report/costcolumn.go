package report

import (
	"strings"
)

// costField is one column of a costs file.
type costField string

// The fields of a cost, as our own format names them.
const (
	fieldDay         costField = "day"
	fieldSource      costField = "source"
	fieldMedium      costField = "medium"
	fieldCampaign    costField = "campaign"
	fieldContent     costField = "content"
	fieldTerm        costField = "term"
	fieldAmount      costField = "amount"
	fieldCurrency    costField = "currency"
	fieldImpressions costField = "impressions"
	fieldClicks      costField = "clicks"
)

func ownFields() []costField {
	return []costField{
		fieldDay, fieldSource, fieldMedium, fieldCampaign, fieldContent, fieldTerm,
		fieldAmount, fieldCurrency, fieldImpressions, fieldClicks,
	}
}

// platform is an advertising platform whose export files can be read.
type platform struct {
	name           string
	source, medium string // what its links carry, unless the upload says otherwise
	// headers are the names of columns, in lower case, by which a field is
	// known; of several in one file the first listed counts.
	headers map[costField][]string
}

// platforms are the exports that are read:
//
//	google_ads  "Campaign report" by day, as CSV or as Excel CSV (UTF-16, tabs):
//	            Day, Campaign, Ad group, Search keyword, Currency code, Cost,
//	            Impr., Clicks, in English or Chinese. Lines above the header and
//	            lines of totals are left out.
//	meta        Ads Manager by day: Day (or Reporting starts), Campaign name, Ad
//	            name, Amount spent (USD), Impressions, Link clicks.
//	baidu       搜索推广 by day, in GB 18030 or UTF-8: 日期, 推广计划, 创意, 关键词,
//	            消费, 展现, 点击; amounts in CNY.
func platforms() []platform {
	return []platform{
		{"google_ads", "google", "cpc", map[costField][]string{
			fieldDay:         {"day", "日期", "天"},
			fieldCampaign:    {"campaign", "广告系列"},
			fieldContent:     {"ad group", "广告组"},
			fieldTerm:        {"search keyword", "keyword", "搜索关键字", "关键字"},
			fieldAmount:      {"cost", "费用"},
			fieldCurrency:    {"currency code", "currency", "货币代码"},
			fieldImpressions: {"impr.", "impressions", "展示次数", "展示"},
			fieldClicks:      {"clicks", "点击次数", "点击"},
		}},
		{"meta", "facebook", "paid_social", map[costField][]string{
			fieldDay:         {"day", "reporting starts", "天数", "报告开始日期"},
			fieldCampaign:    {"campaign name", "广告系列名称"},
			fieldContent:     {"ad name", "广告名称"},
			fieldAmount:      {"amount spent", "已花费金额", "花费金额"},
			fieldCurrency:    {"currency", "货币"},
			fieldImpressions: {"impressions", "展示次数"},
			fieldClicks:      {"link clicks", "clicks (all)", "链接点击量", "点击量（全部）"},
		}},
		{"baidu", "baidu", "cpc", map[costField][]string{
			fieldDay:         {"日期", "时间"},
			fieldCampaign:    {"推广计划", "推广计划名称", "计划名称", "计划"},
			fieldContent:     {"创意", "创意标题", "推广单元", "推广单元名称", "单元"},
			fieldTerm:        {"关键词", "关键词名称"},
			fieldAmount:      {"消费", "花费"},
			fieldImpressions: {"展现", "展现量"},
			fieldClicks:      {"点击", "点击量"},
		}},
	}
}

// Platforms lists the platforms whose exports can be read.
func Platforms() []string {
	var names []string
	for _, p := range platforms() {
		names = append(names, p.name)
	}
	return names
}

// columnMap says in which column of a file each field stands.
type columnMap struct {
	at       map[costField]int
	headings []string // as the file has them
	currency string   // of every row, where a heading says it: Amount spent (USD)
}

// mapOwn maps our own header; nil where this is none.
func mapOwn(line []string) *columnMap {
	m := &columnMap{at: map[costField]int{}, headings: line}
	for i, heading := range line {
		for _, field := range ownFields() {
			if _, twice := m.at[field]; !twice && costField(strings.ToLower(strings.TrimSpace(heading))) == field {
				m.at[field] = i
			}
		}
	}
	if m.has(fieldDay, fieldSource, fieldAmount) {
		return m
	}
	return nil
}

// mapLine maps a platform's header; nil where the line is none.
func (p *platform) mapLine(line []string) *columnMap {
	m := &columnMap{at: map[costField]int{}, headings: line}
	for field, names := range p.headers {
		for _, name := range names {
			if i, currency, ok := findHeading(line, name); ok {
				m.at[field] = i
				if field == fieldAmount {
					m.currency = currency
				}
				break
			}
		}
	}
	if !m.has(fieldDay, fieldCampaign, fieldAmount) {
		return nil
	}
	if p.name == "baidu" {
		m.currency = "CNY"
	}
	return m
}

// findHeading finds a heading, with a currency in brackets behind it or
// without: "Amount spent (USD)".
func findHeading(line []string, name string) (i int, currency string, ok bool) {
	for i, heading := range line {
		text := strings.ToLower(strings.TrimSpace(heading))
		if text == name {
			return i, "", true
		}
		rest, found := strings.CutPrefix(strings.NewReplacer("（", "(", "）", ")").Replace(text), name)
		if rest = strings.Trim(rest, " ()"); found && len(rest) == 3 {
			return i, strings.ToUpper(rest), true
		}
	}
	return 0, "", false
}

func (m *columnMap) has(fields ...costField) bool {
	for _, f := range fields {
		if _, ok := m.at[f]; !ok {
			return false
		}
	}
	return true
}
