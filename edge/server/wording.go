package server

import (
	"sync"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// wordings are the texts that visitors may have chosen by since this process
// started: which ones are archived, so that each goes to disk once, and those
// of the configuration before a reload, by which a page that was open then is
// still answered.
type wordings struct {
	mu       sync.Mutex
	archived map[wordingKey]struct{}
	former   map[wordingKey]*event.Wording
}

// wordingKey names a text as a page does: by version and language.
type wordingKey struct{ site, version, language string }

func keyOf(w *event.Wording) wordingKey { return wordingKey{w.Site, w.Version, w.Language} }

// maxFormer bounds the texts of former configurations.
const maxFormer = 1024

func newWordings() *wordings {
	return &wordings{archived: make(map[wordingKey]struct{}), former: make(map[wordingKey]*event.Wording)}
}

// isNew reports whether a text has yet to be put on disk. One whose text is
// not known here cannot be.
func (w *wordings) isNew(t *event.Wording) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, is := w.archived[keyOf(t)]
	return !is && t.Text != ""
}

// keep remembers that a text is on disk.
func (w *wordings) keep(t *event.Wording) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.Text != "" {
		w.archived[keyOf(t)] = struct{}{}
	}
}

// rememberWordings keeps the texts of a configuration that is replaced.
func (s *Server) rememberWordings(old *book) {
	for _, st := range old.sites {
		for _, language := range st.Banner.Languages {
			w := s.currentWording(st, s.opts.Banner.Language(language, "", st))
			s.wordings.mu.Lock()
			if len(s.wordings.former) < maxFormer {
				s.wordings.former[keyOf(w)] = w
			}
			s.wordings.mu.Unlock()
		}
	}
}

func (s *Server) currentWording(st *site.Site, language string) *event.Wording {
	n := s.opts.Banner.Notice(st, language)
	return &event.Wording{Site: st.ID, Hash: n.Hash, Language: language, Version: n.Version, Text: n.Text}
}

// wording finds the text that a visitor chose by, from the version that their
// page had. A version of before the last start is not known here: the decision
// then carries the version without a hash, never the hash of a text that was
// not shown.
func (s *Server) wording(st *site.Site, language, version string) *event.Wording {
	now := s.currentWording(st, language)
	if version == "" || version == now.Version || !hexDigits(version) {
		return now
	}
	s.wordings.mu.Lock()
	defer s.wordings.mu.Unlock()
	if w := s.wordings.former[wordingKey{st.ID, version, language}]; w != nil {
		return w
	}
	return &event.Wording{Site: st.ID, Language: language, Version: version}
}

// hexDigits reports whether a version can be one of ours: eight hex digits.
func hexDigits(version string) bool {
	if len(version) != 8 {
		return false
	}
	for i := range len(version) {
		if c := version[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}
