package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/kunjicloud/kunji/analytics/report"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
)

// eachRecipient hands over every mail recipient concerned, with the sender's refs,
// sealed, where they left by a mail's link.
func eachRecipient(ctx context.Context, src report.Source, q *report.Query, f func(recipient uint64, sealed []string) error) error {
	return ask(ctx, src, incidentRecipientsSQL, incidentParams(q), func(scan func(...any) error) error {
		var recipient uint64
		var sealed []string
		if err := scan(&recipient, &sealed); err != nil {
			return err
		}
		return f(recipient, sealed)
	})
}

// writeRefs writes ref and list, a tab between them, of each recipient concerned of
// whom they are kept. A link that was followed twice names one pair.
func writeRefs(ctx context.Context, w io.Writer, src report.Source, q *report.Query, ring *identity.Ring) error {
	return eachRecipient(ctx, src, q, func(_ uint64, sealed []string) error {
		told := map[string]bool{}
		for _, s := range sealed {
			ref, list, err := ring.OpenRef(q.Site.ID, s)
			if err != nil {
				return fmt.Errorf("read the ref of who left %s: %w", q.Site.ID, err)
			}
			line := ref + "\t" + list
			if told[line] {
				continue
			}
			told[line] = true
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeAmong copies those addresses of a list, one a line, that are concerned. A line
// that is none is an error, which does not repeat it: it would leave somebody untold.
func writeAmong(list io.Reader, w io.Writer, concerned func(mail.Address) bool) error {
	lines := bufio.NewScanner(list)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		address, err := mail.ParseAddress(text)
		if err != nil {
			return usagef("line %d of standard input is not a mail address: write one a line, as name@example.org", n)
		}
		if !concerned(address) {
			continue
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the list of addresses from standard input: %w", err)
	}
	return nil
}
