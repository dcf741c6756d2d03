package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/identity"
)

// maxMail bounds a mail read from a file or standard input.
const maxMail = 16 << 20

type mailCmd struct {
	Instrument mailInstrumentCmd `cmd:"" help:"Put links and a pixel into a mail, as far as its recipient agreed."`
	Secret     mailSecretCmd     `cmd:"" help:"Print what the calls to a site's unsubscribe_webhook are signed with."`
}

type mailInstrumentCmd struct {
	Site      string   `required:"" help:"The site's id."`
	Campaign  string   `required:"" help:"What the mail's hits count for."`
	Recipient string   `required:"" help:"The mail address it is for."`
	Ref       string   `help:"Your own name for the recipient; it comes back if they leave."`
	List      string   `help:"Your own name for the list."`
	Source    string   `help:"utm_source; newsletter where it is left out."`
	Content   string   `help:"utm_content."`
	Exclude   []string `help:"A domain whose links stay as they are; repeat it." sep:"none"`
	Message   bool     `help:"The input is a whole message (RFC 5322, MIME), not its HTML."`
	Test      bool     `help:"A mail to try out: its hits are not kept, and it is not counted."`
	JSON      bool     `help:"Print the answer of the API, with the headers that belong into the mail."`
	File      string   `arg:"" optional:"" type:"existingfile" help:"The mail; without it, standard input."`
}

// Run instruments one mail: by the service that runs on the data_dir, else by
// itself with what ClickHouse knows. It prints the mail; exit code 1 for a
// recipient who has left.
func (c *mailInstrumentCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if _, err := cfg.siteNamed(c.Site); err != nil {
		return err
	}
	text, err := a.input(c.File, maxMail)
	if err != nil {
		return err
	}
	w := console.MailWanted{
		Site: c.Site, Campaign: c.Campaign, Source: c.Source, Content: c.Content, Recipient: c.Recipient,
		Ref: c.Ref, List: c.List, Exclude: c.Exclude, Test: c.Test,
	}
	if w.HTML = string(text); c.Message {
		w.HTML, w.Message = "", w.HTML
	}
	made, err := a.instrument(ctx, cfg, w)
	if err != nil {
		return asUsage(err)
	}
	if c.JSON {
		out := json.NewEncoder(a.stdout)
		out.SetEscapeHTML(false)
		return out.Encode(made)
	}
	_, err = io.WriteString(a.stdout, made.HTML+made.Message)
	return err
}

// input reads a file, or standard input where none is named.
func (a *app) input(path string, most int64) ([]byte, error) {
	in := a.stdin
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read the mail: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the mail: %w", err)
	case int64(len(text)) > most:
		return nil, usagef("the mail is larger than %d MiB", most>>20)
	case len(text) == 0:
		return nil, usagef("there is no mail: name its file, or give it on standard input")
	}
	return text, nil
}

// instrument asks the running service, which knows at once who left on its
// edge; where none runs, the store.
func (a *app) instrument(ctx context.Context, cfg *Config, w console.MailWanted) (*console.MailMade, error) {
	var answer instrumentAnswer
	err := askService(ctx, cfg.DataDir, http.MethodPost, "/mail/instrument", w, &answer)
	if err == nil {
		return answer.result()
	}
	if !errors.Is(err, errNoService) {
		return nil, err
	}
	var made *console.MailMade
	err = a.withStore(ctx, func(cfg *Config, s *store.Store) error {
		if _, err := s.Migrate(ctx); err != nil {
			return err
		}
		ring, err := identity.OpenRing(cfg.Keys.File, a.now())
		if err != nil {
			return err
		}
		made, err = instrumentOne(ctx, newMailer(ring, s, nil, a.now), cfg, w)
		return err
	})
	return made, err
}

func instrumentOne(ctx context.Context, m *mailer, cfg *Config, w console.MailWanted) (*console.MailMade, error) {
	site, err := cfg.siteNamed(w.Site)
	if err != nil {
		return nil, err
	}
	results, err := m.Instrument(ctx, site, []console.MailWanted{w})
	if err != nil {
		return nil, err
	}
	return results[0].Made, results[0].Err
}
