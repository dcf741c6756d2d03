package console

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/text/language"
)

//go:embed text/*.json
var textFiles embed.FS

// languageCookie remembers a chosen language on the console; it names nobody.
const (
	languageCookie = "kunji_console_lang"
	languageLife   = 180 * 24 * time.Hour
)

// texts holds what pages say, by language and key.
type texts struct {
	names   []string // the languages; the first is used where none fits
	by      map[string]map[string]string
	matcher language.Matcher
}

func loadTexts() (*texts, error) {
	t := &texts{names: []string{"en", "zh-CN"}, by: map[string]map[string]string{}}
	var tags []language.Tag
	for _, name := range t.names {
		raw, err := textFiles.ReadFile("text/" + name + ".json")
		if err != nil {
			return nil, fmt.Errorf("texts in %s: %w", name, err)
		}
		own := map[string]string{}
		if err := json.Unmarshal(raw, &own); err != nil {
			return nil, fmt.Errorf("texts in %s: %w", name, err)
		}
		t.by[name] = own
		tag, err := language.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("language %s: %w", name, err)
		}
		tags = append(tags, tag)
	}
	t.matcher = language.NewMatcher(tags)
	return t, nil
}

// say returns a text with its values put in. A key that is nowhere shows
// itself, so that it is noticed.
func (t *texts) say(lang, key string, values ...any) string {
	s, ok := t.by[lang][key]
	if !ok {
		return key
	}
	if len(values) == 0 {
		return s
	}
	return fmt.Sprintf(s, values...)
}

// languageFor picks a page's language: ?lang=, which is then remembered, the
// cookie, Accept-Language, English.
func (c *Console) languageFor(w http.ResponseWriter, r *http.Request) string {
	if asked := r.URL.Query().Get("lang"); c.texts.by[asked] != nil {
		http.SetCookie(w, c.cookie(languageCookie, asked, languageLife))
		return asked
	}
	if kept := c.readCookie(r, languageCookie); c.texts.by[kept] != nil {
		return kept
	}
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return c.texts.names[0]
	}
	_, i, _ := c.texts.matcher.Match(tags...)
	return c.texts.names[i]
}
