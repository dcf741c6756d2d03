package engine

import "sync"

// memo keeps what the engine said of statements that come again: reports are
// asked with the same few texts, and parsing one takes milliseconds. Nothing of
// it is logged or written.
type memo struct {
	mu         sync.Mutex
	analyses   map[string]analysis // by text
	headers    map[string][]byte   // of empty results, by text and all that it is run with
	generation int                 // of the tables that the headers follow from
}

// maxMemo is how many texts are kept of each kind, maxMemoText how long one may
// be, in bytes. Where there are more, all are forgotten: whoever writes values
// into texts gains nothing here.
const (
	maxMemo     = 512
	maxMemoText = 16 << 10
)

func remember[V any](m map[string]V, text string, v V) map[string]V {
	if len(text) > maxMemoText {
		return m
	}
	if m == nil || len(m) >= maxMemo {
		m = map[string]V{}
	}
	m[text] = v
	return m
}

// analyse asks for what sql is, once.
func (m *memo) analyse(sql string, ask func(string) (analysis, error)) (analysis, error) {
	m.mu.Lock()
	a, ok := m.analyses[sql]
	m.mu.Unlock()
	if ok {
		return a, nil
	}
	a, err := ask(sql)
	if err == nil {
		m.mu.Lock()
		m.analyses = remember(m.analyses, sql, a)
		m.mu.Unlock()
	}
	return a, err
}

// header asks for the head of the empty result of a statement, once while no
// table changes.
func (m *memo) header(key string, ask func() ([]byte, error)) ([]byte, error) {
	m.mu.Lock()
	header, ok := m.headers[key]
	generation := m.generation
	m.mu.Unlock()
	if ok {
		return header, nil
	}
	header, err := ask()
	if err == nil {
		m.mu.Lock()
		if generation == m.generation {
			m.headers = remember(m.headers, key, header)
		}
		m.mu.Unlock()
	}
	return header, err
}

// changing forgets the headers before a statement that may change tables, and
// the function that it returns after it.
func (m *memo) changing() (changed func()) {
	forget := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.headers = nil
		m.generation++
	}
	forget()
	return forget
}
