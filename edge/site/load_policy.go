package site

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

const maxPolicyBytes = 1 << 20

// PolicyError is one fault in a policy's or incident's file; Line and Column count from 1.
type PolicyError struct {
	File         string
	Line, Column int
	Message      string
}

func (e *PolicyError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// policyName is <version>.<language>.md, as in 2.zh-CN.md.
var policyName = regexp.MustCompile(`^([0-9]{1,6})\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.md$`)

// LoadPolicy reads a site's policy from a folder of files named
// <version>.<language>.md. Each begins with a block of YAML between two lines
// of ---:
//
//	date: 2026-05-01
//	material: [recipients]   # or false: nobody is asked again
//	summary: We now use …    # shown in the banner when material
//
// and goes on with the text in Markdown. Other files are left alone. A nil
// folder, or one without such files, is version 1 made from the configuration.
// All faults come back at once, each a *PolicyError joined by errors.Join.
func LoadPolicy(fsys fs.FS) (*Policy, error) {
	if fsys == nil {
		return FirstPolicy(), nil
	}
	entries, err := fs.ReadDir(fsys, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return FirstPolicy(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read policy folder: %w", err)
	}
	l := policyLoader{versions: map[int]*PolicyVersion{}, first: map[int]string{}}
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".md" || strings.EqualFold(e.Name(), "README.md") {
			continue
		}
		l.file(fsys, e.Name())
	}
	p := l.policy()
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	return p, nil
}

type policyLoader struct {
	versions map[int]*PolicyVersion
	first    map[int]string // the file that named a version's date and reasons
	errs     []error
}

func (l *policyLoader) fail(file string, line, column int, format string, args ...any) {
	l.errs = append(l.errs, &PolicyError{file, line, column, fmt.Sprintf(format, args...)})
}

func (l *policyLoader) file(fsys fs.FS, name string) {
	parts := policyName.FindStringSubmatch(name)
	if parts == nil {
		l.fail(name, 1, 1, "is not named <version>.<language>.md: rename it to something like 2.en.md")
		return
	}
	number, err := strconv.Atoi(parts[1])
	if err != nil || number < 1 {
		l.fail(name, 1, 1, "version %s: versions count from 1", parts[1])
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
		l.fail(name, 1, 1, "does not begin with a block between two lines of ---: write date, material and summary there")
		return
	}
	front := l.frontMatter(name, head)
	if front == nil {
		return
	}
	if len(bytes.TrimSpace(body)) == 0 {
		l.fail(name, 1, 1, "has no text: write the policy below the second ---")
		return
	}
	l.add(name, number, front, PolicyText{
		Language: parts[2], Date: front.date, Summary: front.summary, Markdown: body,
	})
}

func readPolicy(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxPolicyBytes {
		return nil, errors.New("is larger than 1 MiB: no policy is")
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\ufeff")), nil
}

// splitFrontMatter returns what stands between the first line, which is ---,
// and the next such line, and what follows.
func splitFrontMatter(data []byte) (head, body []byte, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte("---\n"))
	if !ok {
		return nil, nil, false
	}
	if body, empty := bytes.CutPrefix(rest, []byte("---\n")); empty {
		return nil, body, true
	}
	head, body, ok = bytes.Cut(rest, []byte("\n---\n"))
	return head, body, ok
}

// add puts a text into its version. Two languages of one version tell the same
// date and the same reasons, or visitors would be asked by language.
func (l *policyLoader) add(name string, number int, front *frontMatter, text PolicyText) {
	v, there := l.versions[number]
	if !there {
		v = &PolicyVersion{Number: number, Date: front.date, Material: front.material, Texts: map[string]PolicyText{}}
		l.versions[number], l.first[number] = v, name
	}
	if !v.Date.Equal(front.date) {
		l.fail(name, front.dateAt.line, front.dateAt.column, "date: %s differs from %s in %s: write one date for all languages of a version",
			front.date.Format(time.DateOnly), v.Date.Format(time.DateOnly), l.first[number])
	}
	if !slices.Equal(v.Material, front.material) {
		l.fail(name, front.materialAt.line, front.materialAt.column, "material: differs from that in %s: write the same reasons for all languages of a version", l.first[number])
	}
	for lang := range v.Texts {
		if strings.EqualFold(lang, text.Language) {
			l.fail(name, 1, 1, "version %d has a text in %s already: keep one", number, lang)
		}
	}
	v.Texts[text.Language] = text
}

func (l *policyLoader) policy() *Policy {
	if len(l.versions) == 0 {
		return FirstPolicy()
	}
	p := &Policy{}
	for _, v := range l.versions {
		p.Versions = append(p.Versions, *v)
	}
	slices.SortFunc(p.Versions, func(a, b PolicyVersion) int { return cmp.Compare(a.Number, b.Number) })
	for i := 1; i < len(p.Versions); i++ {
		before, v := p.Versions[i-1], p.Versions[i]
		if v.Date.Before(before.Date) {
			l.fail(l.first[v.Number], 1, 1, "date: version %d (%s) is older than version %d (%s): a later version has a later date",
				v.Number, v.Date.Format(time.DateOnly), before.Number, before.Date.Format(time.DateOnly))
		}
	}
	return p
}
