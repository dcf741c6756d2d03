package site

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"
)

const maxTitle = 120 // characters: it stands in a banner

// incidentName is <id>.<language>.md, as in 2026-11-leak.zh-CN.md.
var incidentName = regexp.MustCompile(`^([a-z0-9][a-z0-9-]{0,63})\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.md$`)

// IncidentID reports whether id can name an incident's files.
func IncidentID(id string) bool { return incidentName.MatchString(id + ".en.md") }

// LoadIncidents reads a folder of files named <id>.<language>.md. Each begins
// with a block of YAML between two lines of ---:
//
//	title: Addresses were readable for two days   # shown in the banner
//	from: 2026-11-02                              # first day of what happened
//	to: 2026-11-03                                # last day
//	until: 2027-02-28                             # last day that this is shown
//
// and goes on with Markdown that has exactly five level-2 headings (## …), one
// for each of IncidentParts in that order, each with a text below it. What the
// headings say is the author's: they are told apart by their place. Other
// files are left alone; a nil folder, or none, has no incidents. The newest
// comes first. All faults come back at once, each a *PolicyError joined by
// errors.Join.
func LoadIncidents(fsys fs.FS) ([]Incident, error) {
	if fsys == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(fsys, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read incidents folder: %w", err)
	}
	l := incidentLoader{incidents: map[string]*Incident{}, first: map[string]string{}}
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".md" || strings.EqualFold(e.Name(), "README.md") {
			continue
		}
		l.file(fsys, e.Name())
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	var list []Incident
	for _, i := range l.incidents {
		list = append(list, *i)
	}
	slices.SortFunc(list, func(a, b Incident) int {
		return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

type incidentLoader struct {
	policyLoader // for its list of faults
	incidents    map[string]*Incident
	first        map[string]string // the file that named an incident's days
}

func (l *incidentLoader) file(fsys fs.FS, name string) {
	parts := incidentName.FindStringSubmatch(name)
	if parts == nil {
		l.fail(name, 1, 1, "is not named <id>.<language>.md: rename it to something like 2026-11-leak.en.md, in small letters")
		return
	}
	if _, err := language.Parse(parts[2]); err != nil {
		l.fail(name, 1, 1, "%q is not a language: write one such as en or zh-CN", parts[2])
		return
	}
	data, err := readPolicy(fsys, name)
	if err != nil {
		l.fail(name, 1, 1, "%v", err)
		return
	}
	head, body, ok := splitFrontMatter(data)
	if !ok {
		l.fail(name, 1, 1, "does not begin with a block between two lines of ---: write title, from, to and until there")
		return
	}
	// Lines of the file before the body: both --- and the block between them.
	before := bytes.Count(data[:len(data)-len(body)], []byte("\n"))
	front, sound := l.incidentHead(name, head)
	if l.incidentBody(name, body, before) && sound {
		l.addIncident(name, parts[1], front, IncidentText{Language: parts[2], Title: front.title, Markdown: body})
	}
}

// incidentHead is the block at the top of an incident's file.
type incidentHead struct {
	title           string
	from, to, until time.Time
	at              map[string]spot
}

func (l *incidentLoader) incidentHead(name string, head []byte) (*incidentHead, bool) {
	faults := len(l.errs)
	front := &incidentHead{at: map[string]spot{}}
	entries, err := mappingOf(head)
	if err != nil {
		at, message := yamlFault(err)
		l.fail(name, at.line, at.column, "is not YAML between the two ---: %s", message)
		return nil, false
	}
	days := map[string]*time.Time{"from": &front.from, "to": &front.to, "until": &front.until}
	for _, e := range entries {
		key, at := e.Key.GetToken().Value, tokenSpot(e.Key.GetToken())
		var err error
		if day := days[key]; day != nil {
			*day, err = parsePolicyDate(e.Value)
		} else if key == "title" {
			front.title, err = parseTitle(scalarText(e.Value))
		} else {
			l.fail(name, at.line, at.column, "%s: unknown key: write title, from, to or until", key)
			continue
		}
		if e.Value != nil {
			at = tokenSpot(e.Value.GetToken())
		}
		front.at[key] = at
		if err != nil {
			l.fail(name, at.line, at.column, "%s: %v", key, err)
		}
	}
	for _, key := range []string{"title", "from", "to", "until"} {
		if _, said := front.at[key]; !said {
			l.fail(name, 2, 1, "%s: is missing: add it between the two ---", key)
		}
	}
	if len(l.errs) > faults {
		return nil, false
	}
	if at := front.at["to"]; front.to.Before(front.from) {
		l.fail(name, at.line, at.column, "to: is before from: write the last day of what happened")
	}
	if at := front.at["until"]; front.until.Before(front.to) {
		l.fail(name, at.line, at.column, "until: is before to: write the last day on which visitors are told")
	}
	return front, len(l.errs) == faults
}

func parseTitle(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch n := len([]rune(text)); {
	case n == 0:
		return "", errors.New("is empty: write in one line what happened")
	case n > maxTitle:
		return "", fmt.Errorf("has %d characters: at most %d fit the banner", n, maxTitle)
	case strings.Contains(text, "\n"):
		return "", errors.New("has more than one line: write one")
	}
	return text, nil
}

// partNames say in faults what each heading stands for.
var partNames = [IncidentParts]string{"what happened", "possible effects", "measures taken", "what you can do", "remedies"}

var (
	fence     = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})")
	heading   = regexp.MustCompile(`^ {0,3}(#{1,6})(?:[ \t]+(.*))?$`)
	underline = regexp.MustCompile(`^ {0,3}(=+|-+)[ \t]*$`)
)

// incidentBody wants five level-2 headings, each with a text. before is how
// many lines the file has above the body.
func (l *incidentLoader) incidentBody(name string, body []byte, before int) bool {
	faults := len(l.errs)
	part, at, said := 0, before+1, true // the open part's number, line, and whether it has a text
	closePart := func() {
		if !said && part <= IncidentParts {
			l.fail(name, at, 1, "%s: has no text below its heading: write it, or that nothing is known yet", partNames[part-1])
		}
	}
	open, last := "", ""
	for n, line := range strings.Split(string(body), "\n") {
		here, above := before+n+1, last
		last = strings.TrimSpace(line)
		if mark := fence.FindStringSubmatch(line); open == "" && mark != nil {
			open = mark[1]
		} else if open != "" {
			if mark != nil && strings.HasPrefix(mark[1], open) {
				open = ""
			}
		} else if h := heading.FindStringSubmatch(line); h != nil && len(h[1]) <= 2 {
			if len(h[1]) == 1 {
				l.fail(name, here, 1, "a heading of level 1 stands above the incident's own: write its text as title between the two ---, and ## for the parts")
				continue
			}
			closePart()
			part, at, said = part+1, here, false
			if strings.Trim(h[2], " \t#") == "" {
				l.fail(name, here, 1, "this heading is empty: write what it is about")
			}
			continue
		} else if underline.MatchString(line) && above != "" && !strings.HasPrefix(above, "#") {
			l.fail(name, here, 1, "a line of = or - makes a heading of the line above: write ## before the parts' headings, or an empty line above a rule")
		} else if h != nil {
			continue // level 3 and below is no text yet
		}
		if last != "" && part > 0 {
			said = true
		}
	}
	closePart()
	if part != IncidentParts {
		l.fail(name, at, 1, "has %d headings of level 2 instead of five: write ## for %s, in this order", part, strings.Join(partNames[:], ", "))
	}
	return len(l.errs) == faults
}

// addIncident puts a text into its incident. All languages tell the same days,
// or who is told what would depend on the language.
func (l *incidentLoader) addIncident(name, id string, front *incidentHead, text IncidentText) {
	i, there := l.incidents[id]
	if !there {
		i = &Incident{ID: id, From: front.from, To: front.to, Until: front.until, Texts: map[string]IncidentText{}}
		l.incidents[id], l.first[id] = i, name
	}
	for _, d := range []struct {
		key      string
		own, was time.Time
	}{{"from", front.from, i.From}, {"to", front.to, i.To}, {"until", front.until, i.Until}} {
		if !d.own.Equal(d.was) {
			l.fail(name, front.at[d.key].line, front.at[d.key].column, "%s: %s differs from %s in %s: write one day for all languages of an incident",
				d.key, d.own.Format(time.DateOnly), d.was.Format(time.DateOnly), l.first[id])
		}
	}
	for lang := range i.Texts {
		if strings.EqualFold(lang, text.Language) {
			l.fail(name, 1, 1, "incident %s has a text in %s already: keep one", id, lang)
		}
	}
	i.Texts[text.Language] = text
}

func sortedTags[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
