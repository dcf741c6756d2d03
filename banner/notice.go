package banner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/kunjicloud/kunji/edge/site"
)

// Notice is the wording that a visitor chose by: evidence for the consent
// record (GB/T 42574; GDPR Art. 7(1)).
type Notice struct {
	// Version names the site's wording in all its languages together: it
	// changes whenever any of them does. Eight hex digits.
	Version string
	Hash    [32]byte // SHA-256 of Text
	Text    string   // JSON, equal for equal wording: see noticeText
}

// noticeText is everything that banner and preferences say for a site in one
// language. Sentences that depend on the visit (regime, signal) are all in it,
// under the name of the case.
type noticeText struct {
	Site       string            `json:"site"`
	Language   string            `json:"language"`
	Controller site.Controller   `json:"controller"`
	Purposes   []string          `json:"purposes"`
	OptIn      firstLayer        `json:"opt_in"`
	OptOut     *firstLayer       `json:"opt_out,omitempty"`
	Dialog     map[string]string `json:"dialog"`
	Transfer   [][2]string       `json:"transfer,omitempty"` // what is said of leaving the region
	// What a held-back frame and the choices page say besides.
	Placeholder map[string]string `json:"placeholder"`
	Choices     map[string]string `json:"choices"`
	Services    []Row             `json:"services,omitempty"`
}

type noticeKey struct {
	site *site.Site
	lang string
}

// Notice returns what is shown for a site in a language: the same bytes for
// the same configuration and wording, on every node and after every restart.
func (a *Assets) Notice(s *site.Site, lang string) Notice {
	return a.notices.get(noticeKey{s, lang}, func() Notice {
		text := a.noticeText(s, lang)
		return Notice{Version: a.noticeVersion(s), Hash: sha256.Sum256(text), Text: string(text)}
	})
}

func (a *Assets) noticeVersion(s *site.Site) string {
	return a.sums.get(s, func() string {
		h := sha256.New()
		for _, lang := range a.spoken(s) {
			_, _ = h.Write(a.noticeText(s, lang))
		}
		return hex.EncodeToString(h.Sum(nil)[:4])
	})
}

func (a *Assets) noticeText(s *site.Site, lang string) []byte {
	t := noticeText{
		Site: s.ID, Language: lang, Controller: s.Controller,
		OptIn: a.firstLayer(s, lang, site.OptIn), Dialog: a.dialogText(s, lang),
		Transfer: a.transferFacts(s, lang), Services: a.services(s, lang),
	}
	w := a.in(lang)
	t.Placeholder, t.Choices = w.Placeholder, map[string]string{}
	for _, key := range []string{"choices_intro", "yes", "no", "save"} {
		t.Choices[key] = w.Pages[key]
	}
	for _, use := range s.Purposes {
		t.Purposes = append(t.Purposes, use.ID.String())
	}
	for _, r := range s.Regimes {
		if r == site.OptOut && t.OptOut == nil {
			out := a.firstLayer(s, lang, r)
			t.OptOut = &out
		}
	}
	return encode(t)
}

// encode writes JSON for a script or as evidence: keys of maps in order, no
// HTML escapes. A struct of strings and maps always encodes.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
