package console

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/analytics/store"
)

// slow is a store that is asked for a report and answers it when it is let, or
// not at all once nobody waits. Meanwhile ClickHouse counts.
type slow struct {
	report.Source
	let   chan error
	ended chan struct{}
}

const counting = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)"

func (s slow) Query(ctx context.Context, sql string, params map[string]any) (*store.Rows, error) {
	if strings.Contains(sql, "groupUniqArray") {
		mark, _, _ := strings.Cut(sql, "\n")
		counted, stop := context.WithCancel(ctx)
		defer stop()
		go func() {
			if rows, err := s.Source.Query(counted, mark+"\n"+counting, nil); err == nil {
				rows.Close()
			}
		}()
		select {
		case err := <-s.let:
			if err != nil {
				return nil, err
			}
		case <-ctx.Done():
			s.ended <- struct{}{}
			return nil, ctx.Err()
		}
	}
	return s.Source.Query(ctx, sql, params)
}

// longQuestionsCanBeTakenBack: what is long in coming is announced at once, with
// a link to take it back; leaving ends the statement; what comes in the end, or
// fails, is on the same page.
func longQuestionsCanBeTakenBack(t *testing.T, db *store.Store) {
	source := slow{db, make(chan error), make(chan struct{}, 1)}
	h := build(t, source, false)
	h.patience = time.Millisecond
	h.restart()
	session := h.signIn("root")
	const at = "/reports/sources?site=shop&compare=&lang=en" + range20
	// begin reads a page up to where it waits.
	begin := func(ctx context.Context) (*http.Response, *bufio.Reader) {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.server.URL+at, nil)
		if err != nil {
			t.Fatal(err)
		}
		cookies(session)(r)
		answer, err := h.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body := bufio.NewReader(answer.Body)
		for line := ""; !strings.Contains(line, `class="waiting"`); {
			if line, err = body.ReadString('\n'); err != nil {
				t.Fatalf("nothing waits: %v", err)
			}
			if strings.Contains(line, `class="waiting"`) && !strings.Contains(line, "ask=no") {
				t.Errorf("it cannot be taken back: %s", line)
			}
		}
		return answer, body
	}
	rest := func(answer *http.Response, body *bufio.Reader) string {
		var b strings.Builder
		_, err := body.WriteTo(&b)
		answer.Body.Close()
		if err != nil {
			t.Error(err)
		}
		return b.String()
	}
	ctx, leave := context.WithCancel(t.Context())
	answer, _ := begin(ctx)
	leave()
	select {
	case <-source.ended:
	case <-time.After(time.Minute):
		t.Fatal("the question was not asked, or goes on after everybody left")
	}
	answer.Body.Close()

	answer, body := begin(t.Context())
	for line := ""; !strings.Contains(line, " rows read"); { // how far it is
		var err error
		if line, err = body.ReadString('\n'); err != nil {
			t.Fatalf("nothing tells what was read: %v", err)
		}
	}
	source.let <- nil
	if text := rest(answer, body); !strings.Contains(text, `<table class="figures">`) || !strings.HasSuffix(text, "</html>\n") {
		t.Errorf("it did not answer in the end: %s", text)
	}
	answer, body = begin(t.Context())
	source.let <- errors.New("gone to 192.0.2.7")
	if text := rest(answer, body); !strings.Contains(text, `role="alert"`) || strings.Contains(text, "192.0.2.7") || !strings.HasSuffix(text, "</html>\n") {
		t.Errorf("it did not say that it failed: %s", text)
	}
	page := h.do("GET", at+"&ask=no", cookies(session))
	wantStatus(t, "taken back", page, http.StatusOK)
	if !strings.Contains(page.body, "taken back") || !strings.Contains(page.body, `name="from"`) {
		t.Errorf("no form to ask again: %s", page.body)
	}
}
