// Package mail puts links and a pixel into e-mails for the people who agreed
// to it, and tells afterwards whether a person opened them.
//
// # Before sending
//
// An [Address] becomes a recipient: a keyed hash under a secret of the site,
// the only form in which Kunji knows people by mail. [Instrument] takes a
// mail's HTML and what its recipient agreed to, and gives it back with signed
// links and one image; every other byte stays. [InstrumentMessage] does the
// same for a whole message (RFC 5322, MIME). Consent is asked for twice: here,
// and by the edge again at each hit, so that a withdrawal reaches mail that is
// long sent.
//
// # What is rewritten
//
// Only the href of a and area, where it is an absolute http or https address.
// Entities are decoded first; what browsers forgive (spaces around, line
// breaks within, letters beyond ASCII) is put right, since a redirect must be
// ASCII. Left as they are: everything on the edge itself, links to unsubscribe
// or to choose preferences, excluded domains, addresses with unresolved
// template tags, addresses that do not parse, and links whose author opted out.
// Comments, Outlook's conditional ones among them, are not looked into.
//
// UTM tags are added to the same links, unless an address has some already.
// Without consent to clicks that is all that happens to a link.
//
// # After sending
//
// [Classify] judges one hit by what came with it, and [Fold] judges all hits
// of one mail again once their neighbours are known, as the mail report does. Nothing is ever refused
// for its class: images and redirects are served to machines too.
package mail
