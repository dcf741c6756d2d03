package engine

import (
	"crypto/sha256"
	"sync"
)

// memo keeps what the engine said of statements that come again: reports are
// asked with the same few texts, and parsing one takes milliseconds. It knows them
// by their hashes: values in them may be somebody's.
type memo struct {
	mu         sync.Mutex
	analyses   map[textHash]analysis // by text
	headers    map[textHash][]byte   // of empty results, by text and all that it is run with
	generation int                   // of the tables that the headers follow from
}

type textHash = [sha256.Size]byte

// maxMemo is how many texts are known of each kind. Where there are more, all are
// forgotten: whoever writes values into texts gains nothing here.
const maxMemo = 512

func remember[V any](m map[textHash]V, text textHash, v V) map[textHash]V {
	if m == nil || len(m) >= maxMemo {
		m = map[textHash]V{}
	}
	m[text] = v
	return m
}

// analyse asks for what sql is, once.
func (m *memo) analyse(sql string, ask func(string) (analysis, error)) (analysis, error) {
	text := sha256.Sum256([]byte(sql))
	m.mu.Lock()
	a, ok := m.analyses[text]
	m.mu.Unlock()
	if ok {
		return a, nil
	}
	a, err := ask(sql)
	if err == nil {
		m.mu.Lock()
		m.analyses = remember(m.analyses, text, a)
		m.mu.Unlock()
	}
	return a, err
}

// header asks for the head of the empty result of a statement, once while no
// table changes.
func (m *memo) header(statement string, ask func() ([]byte, error)) ([]byte, error) {
	text := sha256.Sum256([]byte(statement))
	m.mu.Lock()
	header, ok := m.headers[text]
	generation := m.generation
	m.mu.Unlock()
	if ok {
		return header, nil
	}
	header, err := ask()
	if err == nil {
		m.mu.Lock()
		if generation == m.generation {
			m.headers = remember(m.headers, text, header)
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
