package console

import (
	"net/url"
	"slices"

	"github.com/kunjicloud/kunji/analytics/report"
)

// setOptions reads the options that a report takes.
func setOptions(q *report.Query, name string, asked url.Values) error {
	for _, option := range report.OptionNames(name) {
		if err := q.Set(option, asked[option]); err != nil {
			return err
		}
	}
	return nil
}

// optionField is a control for one of a report's options.
type optionField struct {
	Name, Label string
	Choices     []option
	Inputs      []stepInput // where there are no choices
}

// stepInput is the input for one step of a funnel.
type stepInput struct{ Label, Value string }

// funnelInputs is how many steps the form has room for, and more where more
// were asked for.
const funnelInputs = 5

// optionFields makes the controls.
func (v *reportView) optionFields(q report.Query, name string) {
	current := func(option, otherwise string) string {
		if values := q.Option(option); values != nil {
			return values[0]
		}
		return otherwise
	}
	switch name {
	case "attribution":
		v.choose("lookback", current("lookback", "30"), dayChoices()...)
	case "campaigns":
		v.choose("detail", current("detail", "campaign"), "campaign", "content", "term")
	case "timeseries":
		v.choose("by", current("by", "day"), "minute", "hour", "day", "week", "month")
	case "coverage":
		v.choose("estimate", current("estimate", "no"), "no", "yes")
	case "funnel":
		v.stepInputs(q.Option("step"))
		v.choose("window", current("window", "30"), dayChoices()...)
	}
}

// dayChoices are the numbers of days to choose from.
func dayChoices() []string { return []string{"1", "7", "14", "30", "60", "90"} }

// choose makes a select; the current value is in it whatever it is.
func (v *reportView) choose(name, current string, values ...string) {
	f := optionField{Name: name, Label: v.T("option." + name)}
	if !slices.Contains(values, current) {
		values = append(values, current)
	}
	for _, value := range values {
		text := value
		if key := "option." + name + "." + value; v.T(key) != key {
			text = v.T(key)
		}
		f.Choices = append(f.Choices, option{value, text, value == current})
	}
	v.Options = append(v.Options, f)
}

func (v *reportView) stepInputs(steps []string) {
	if steps == nil {
		steps = []string{"visit", "conversion"}
	}
	f := optionField{Name: "step", Label: v.T("option.step")}
	for i := range max(len(steps), funnelInputs) {
		one := stepInput{Label: v.T("option.step.nth", i+1)}
		if i < len(steps) {
			one.Value = steps[i]
		}
		f.Inputs = append(f.Inputs, one)
	}
	v.Options = append(v.Options, f)
}
