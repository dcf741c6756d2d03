package store

import "context"

const (
	erasingRecipients = "SELECT site, recipient FROM erasing_recipients"
	denies            = "mail_open = 2 OR mail_click = 2 OR mailing = 2"
	bareStatement     = "proof = '' AND sealed = '' AND said_by = ''"
)

// eraseRecipients takes a mail recipient's rows out of every table. A no of theirs
// stays, without its proof: a node that has not heard of it would go on with an
// older yes.
func (s *Store) eraseRecipients(ctx context.Context) error {
	const theirs = "(site, recipient) IN (" + erasingRecipients + ")"
	for _, sql := range []string{
		"DELETE FROM " + s.form.change("events") + " WHERE kind IN ('mail_open', 'mail_click') AND " + theirs,
		"DELETE FROM " + s.form.change("mail_consents") + " WHERE " + theirs + " AND NOT (" + denies + ")",
		"ALTER TABLE " + s.form.change("mail_consents") + " UPDATE proof = '', sealed = '', said_by = '' WHERE " + theirs + " AND NOT (" + bareStatement + ")",
	} {
		if err := s.change(ctx, "erase", sql); err != nil {
			return err
		}
	}
	return nil
}
