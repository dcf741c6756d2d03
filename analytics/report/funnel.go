package report

import (
	"context"
	_ "embed" // funnel.sql
	"fmt"
	"slices"
	"strings"
)

//go:embed query/funnel.sql
var funnelSQL string

// MaxSteps is how many steps a funnel has at most.
const MaxSteps = 8

// Step is one step of a funnel: what an event must be.
type Step struct {
	Kind  string // page, event, conversion, visit, source, medium, campaign
	Value string // a path (of a page; a * at its end stands for anything), a name; none for conversion and visit
}

// String writes the step as it is read: kind:value, or kind alone.
func (s Step) String() string {
	if s.Value == "" {
		return s.Kind
	}
	return s.Kind + ":" + s.Value
}

// stepKinds are the kinds of steps: which events may be one, and the condition
// with the step's number in it.
var stepKinds = map[string]struct{ event, condition string }{
	"page":       {"page_view", "kind = 'page_view' AND path = {step%d:String}"},
	"pages":      {"page_view", "kind = 'page_view' AND startsWith(path, {step%d:String})"},
	"event":      {"custom", "kind = 'custom' AND name = {step%d:String}"},
	"conversion": {"conversion", "kind = 'conversion' AND {step%d:String} = ''"},
	"visit":      {"visit", "kind = 'visit' AND {step%d:String} = ''"},
	"source":     {"visit", "kind = 'visit' AND source = {step%d:String}"},
	"medium":     {"visit", "kind = 'visit' AND medium = {step%d:String}"},
	"campaign":   {"visit", "kind = 'visit' AND campaign = {step%d:String}"},
}

// ParseStep reads a step written as page:/cart, page:/shop/*, event:signup,
// campaign:autumn, source:google, medium:cpc, visit or conversion.
func ParseStep(text string) (Step, error) {
	kind, value, _ := strings.Cut(strings.TrimSpace(text), ":")
	s := Step{strings.TrimSpace(kind), strings.TrimSpace(value)}
	wrong := &Error{"step", fmt.Sprintf("%q is not a step", text), "write page:/cart, page:/shop/*, event:signup, campaign:autumn, source:google, medium:cpc, visit or conversion"}
	if _, ok := stepKinds[s.Kind]; !ok || s.Kind == "pages" {
		return s, wrong
	}
	if bare := s.Kind == "conversion" || s.Kind == "visit"; bare != (s.Value == "") {
		return s, wrong
	}
	return s, nil
}

// funnel says how many visitors took the steps one after another, the first of
// them and all others within Options.Window days. Only visitors with an id
// count; steps of visits, sources and campaigns are known of those who agreed
// to marketing.
//
// A step that fewer than MinGroup visitors reached, or at which fewer than that
// were lost, has no figure: neither may point at a handful (policy 2.3.3).
func funnel(ctx context.Context, src Source, q Query) (*Table, error) {
	table := &Table{Meta: metaOf(&q), Columns: []Column{
		{"step", Text, ""}, {"visitors", Integer, ""}, {"of_first", Number, Ratio}, {"of_previous", Number, Ratio}, {"lost", Integer, ""},
	}}
	table.Meta.Window, table.Meta.Steps = q.Options.Window, q.Options.Steps
	reached, err := askFunnel(ctx, src, q)
	if err != nil {
		return nil, err
	}
	least := int64(q.Site.MinGroup)
	last := int64(-1) // the visitors of the step before, where they are shown
	for i, s := range q.Options.Steps {
		cells := []any{s.String(), nil, nil, nil, nil}
		if shows(reached[i], least) && (last < 0 || shows(last-reached[i], least)) {
			cells[1] = reached[i]
			cells[2] = ratio(reached[i], reached[0])
			if last >= 0 {
				cells[3], cells[4] = ratio(reached[i], last), last-reached[i]
			}
			last = reached[i]
		}
		table.Rows = append(table.Rows, Row{Measured, cells})
	}
	table.Totals = []any{nil, nil, nil, nil, nil}
	return table, nil
}

// shows reports whether a number of visitors may be told.
func shows(visitors, least int64) bool { return visitors == 0 || visitors >= least }

// askFunnel returns how many visitors reached each step.
func askFunnel(ctx context.Context, src Source, q Query) ([]int64, error) {
	const day = 24 * 60 * 60 * 1000
	params := map[string]any{
		"site": q.Site.ID, "from": q.From.String(), "to": q.To.String(), "window": uint64(q.Options.Window) * day,
	}
	var conditions, kinds []string
	for i, s := range q.Options.Steps {
		kind, value := s.Kind, s.Value
		if prefix, ok := strings.CutSuffix(value, "*"); ok && kind == "page" {
			kind, value = "pages", prefix
		}
		conditions = append(conditions, fmt.Sprintf(stepKinds[kind].condition, i+1))
		params[fmt.Sprintf("step%d", i+1)] = value
		kinds = append(kinds, stepKinds[kind].event)
	}
	slices.Sort(kinds)
	params["kinds"] = slices.Compact(kinds)
	second := "false" // nobody comes further than the only step
	if len(conditions) > 1 {
		second = conditions[1]
	}
	mode := ""
	if overlap(q.Options.Steps) {
		mode = ", 'strict_once'"
	}
	sql := strings.NewReplacer("{{conditions}}", strings.Join(conditions, ", "), "{{first}}", conditions[0], "{{second}}", second, "{{any}}", strings.Join(conditions, " OR "), "{{mode}}", mode).Replace(funnelSQL)
	rows, err := src.Query(ctx, sql, params)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	reached := make([]int64, len(q.Options.Steps))
	for rows.Next() {
		var level, visitors int64
		if err := rows.Scan(&level, &visitors); err != nil {
			return nil, fmt.Errorf("a step of the answer: %w", err)
		}
		if level == 1 { // everybody who did the first
			reached[0] = visitors
		}
		for i := range level - 1 {
			reached[i+1] += visitors
		}
	}
	return reached, rows.Err()
}

// overlap reports whether an event could be two of the steps: of different kinds
// of events none can.
func overlap(steps []Step) bool {
	seen := map[string]bool{}
	for _, s := range steps {
		kind := stepKinds[s.Kind].event
		if seen[kind] {
			return true
		}
		seen[kind] = true
	}
	return false
}
