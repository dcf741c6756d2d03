package banner

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/kunjicloud/kunji/edge/site"
)

// LanguageInfo is a language that the banner speaks.
type LanguageInfo struct {
	Tag       string // BCP 47
	Name      string // in the language itself
	Direction string // ltr or rtl
	// Reviewed: someone who speaks it answers for the wording. Unread wording
	// is weak proof of an informed choice, so `kunji check` warns of it.
	Reviewed bool
}

// words is one language file.
type words struct {
	Meta struct {
		Name     string `json:"name"`
		Dir      string `json:"dir"`
		Reviewed bool   `json:"reviewed"`
	} `json:"meta"`
	Banner      map[string]string `json:"banner"`
	Dialog      map[string]string `json:"dialog"`
	Placeholder map[string]string `json:"placeholder"`
	Pages       map[string]string `json:"pages"`
	Ended       map[string]string `json:"ended"`
}

func loadWords(files fs.FS) (map[string]*words, error) {
	names, err := fs.Glob(files, "i18n/*.json")
	if err != nil {
		return nil, err
	}
	all := map[string]*words{}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read language %s: %w", name, err)
		}
		w := new(words)
		if err := json.Unmarshal(data, w); err != nil {
			return nil, fmt.Errorf("language %s: %w", name, err)
		}
		all[strings.TrimSuffix(strings.TrimPrefix(name, "i18n/"), ".json")] = w
	}
	if all[fallback] == nil {
		return nil, fmt.Errorf("language %s is missing", fallback)
	}
	return all, nil
}

// fallback is spoken where a site names a language that the banner does not.
const fallback = "en"

// Languages lists what the banner speaks, by tag.
func (a *Assets) Languages() []LanguageInfo {
	list := make([]LanguageInfo, 0, len(a.words))
	for tag, w := range a.words {
		list = append(list, LanguageInfo{Tag: tag, Name: w.Meta.Name, Direction: w.Meta.Dir, Reviewed: w.Meta.Reviewed})
	}
	slices.SortFunc(list, func(x, y LanguageInfo) int { return strings.Compare(x.Tag, y.Tag) })
	return list
}

// Languages lists what the banner speaks, by tag, without loading the scripts:
// for whoever checks a configuration.
func Languages() ([]LanguageInfo, error) {
	w, err := loadWords(wordFiles)
	if err != nil {
		return nil, err
	}
	return (&Assets{words: w}).Languages(), nil
}

// spoken returns those of a site's languages that the banner speaks, at least
// one.
func (a *Assets) spoken(s *site.Site) []string {
	var tags []string
	for _, tag := range s.Banner.Languages {
		if a.words[tag] != nil {
			tags = append(tags, tag)
		}
	}
	if len(tags) == 0 {
		return []string{fallback}
	}
	return tags
}

// Language picks one of the site's languages: the explicit one (?lang=), else
// the best of an Accept-Language header (RFC 9110, 12.5.4), else the site's
// first. A tag matches by its longest common prefix, and Chinese by its
// script: zh-Hant, zh-HK and zh-MO read zh-TW.
func (a *Assets) Language(explicit, acceptLanguage string, s *site.Site) string {
	offered := a.spoken(s)
	if tag := match(explicit, offered); tag != "" {
		return tag
	}
	best, weight := "", 0.0
	for i, item := range strings.Split(acceptLanguage, ",") {
		if i == 20 {
			break // nobody reads more languages; longer headers are not worth the time
		}
		tag, params, _ := strings.Cut(item, ";")
		q := 1.0
		if _, v, ok := strings.Cut(params, "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
				continue
			}
		}
		if q <= weight {
			continue
		}
		if found := match(strings.TrimSpace(tag), offered); found != "" {
			best, weight = found, q
		}
	}
	if best != "" {
		return best
	}
	return offered[0]
}

// match finds the offered tag nearest to the wanted one, or "".
func match(wanted string, offered []string) string {
	wanted = strings.ToLower(strings.ReplaceAll(wanted, "_", "-"))
	if wanted == "" || len(wanted) > 35 {
		return ""
	}
	if strings.HasPrefix(wanted, "zh-") {
		wanted = chinese(wanted)
	}
	language, _, _ := strings.Cut(wanted, "-")
	near := ""
	for _, tag := range offered {
		lower := strings.ToLower(tag)
		if lower == wanted {
			return tag
		}
		if first, _, _ := strings.Cut(lower, "-"); first == language && near == "" {
			near = tag
		}
	}
	return near
}

// chinese reduces a tag to the script that its readers use.
func chinese(tag string) string {
	for _, part := range strings.Split(tag, "-") {
		switch part {
		case "hans":
			return "zh-cn"
		case "hant", "tw", "hk", "mo":
			return "zh-tw"
		}
	}
	return "zh-cn"
}

// Texts returns the wording of the pages in a language, for whoever renders
// more of them: keys as in i18n/en.json, section "pages". Treat it as
// read-only.
func (a *Assets) Texts(lang string) map[string]string { return a.in(lang).Pages }

func (a *Assets) in(lang string) *words {
	if w := a.words[lang]; w != nil {
		return w
	}
	return a.words[fallback]
}

// fill puts values into a sentence: {name} for each pair.
func fill(sentence string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(sentence)
}
