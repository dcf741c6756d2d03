package store

import (
	"context"
	"fmt"
	"time"
)

// untoldFor is how long after somebody left the sender's name for them outlives
// their erasure, unless the webhook took it before: senders without one ask for the
// list, some of them once in a while. Within a month the name is gone as well (GDPR
// Art. 12(3)).
const untoldFor = 30 * 24 * time.Hour

var (
	// owed holds for an unsubscription that the sender may not have heard of: mail
	// would go on if the name went first.
	owed = fmt.Sprintf("(mailing = 2 AND time >= today() - %[1]d AND "+mailKey+" NOT IN (SELECT key FROM mail_told WHERE told >= today() - %[1]d - 1))", untoldFor/(24*time.Hour))
	// erasedNames are names of erased people that nobody is owed any more: every
	// other unsubscription with a name has somebody who says so.
	erasedNames = "said_by = '' AND sealed != '' AND NOT " + owed
	// bareStatement is what an erasure leaves of a no.
	bareStatement = "proof = '' AND said_by = '' AND NOT (" + erasedNames + ")"
)

const (
	erasingRecipients = "SELECT site, recipient FROM erasing_recipients"
	denies            = "mail_open = 2 OR mail_click = 2 OR mailing = 2"
)

// eraseRecipients takes a mail recipient's rows out of every table. A no of theirs
// stays, without its proof: a node that has not heard of it would go on with an
// older yes.
func (s *Store) eraseRecipients(ctx context.Context) error {
	const theirs = "(site, recipient) IN (" + erasingRecipients + ")"
	for _, sql := range []string{
		"DELETE FROM " + s.form.change("events") + " WHERE kind IN ('mail_open', 'mail_click') AND " + theirs,
		"DELETE FROM " + s.form.change("mail_consents") + " WHERE " + theirs + " AND NOT (" + denies + ")",
		"ALTER TABLE " + s.form.change("mail_consents") + " UPDATE proof = '', said_by = '' WHERE " + theirs + " AND (proof != '' OR said_by != '')",
	} {
		if err := s.change(ctx, "erase", sql); err != nil {
			return err
		}
	}
	return s.eraseNames(ctx)
}

// eraseNames takes the sender's names for people who were erased from their
// unsubscriptions, once the sender was told or untoldFor is over.
func (s *Store) eraseNames(ctx context.Context) error {
	if err := s.catchUp(ctx, "mail_consents", "mail_told"); err != nil {
		return err
	}
	var n uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM mail_consents WHERE "+erasedNames).Scan(&n); err != nil || n == 0 {
		return wrap("look for names of erased people", err)
	}
	return s.change(ctx, "erase names", "ALTER TABLE "+s.form.change("mail_consents")+" UPDATE sealed = '' WHERE "+erasedNames)
}

// eraseNamesEvery is how often erasures that are done are looked at for names that
// their sender has been told of since.
const eraseNamesEvery = time.Hour

func (s *Store) eraseNamesSometimes(ctx context.Context) error {
	if s.now().Sub(s.unnamed).Abs() < eraseNamesEvery {
		return nil
	}
	err := s.mutationsDone(ctx, map[string]string{"mail_consents": ""})
	if err == nil {
		err = s.eraseNames(ctx)
	}
	if err == nil {
		s.unnamed = s.now()
	}
	return err
}
