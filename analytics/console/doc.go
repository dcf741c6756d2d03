// Package console is what a marketer and an operator see: pages and an HTTP
// API over package report.
//
// Every request goes the same way, visible as a list in Handler:
//
//	headers   security headers; nothing is stored by browsers or proxies
//	origin    a form or call from a foreign page is refused
//	identify  a bearer token or a session cookie becomes a principal
//	route     one handler per page or operation
//	allow     the principal's role and sites; else 403
//	ask       package report, under the request's context: a client that
//	          leaves ends its query
//
// Uploads of costs and rates are stored whole or not at all; the answer names
// every wrong line. A call with a session carries its token in X-CSRF-Token.
// Who signed in, failed to, or uploaded is in the audit log: a name, an action,
// counts; never an address or a password.
//
// Pages are html/template with real tables and forms, and need no script. What a
// script can add is an island (island/*.tsx, built into dist by ./build): it
// reads the page that is there already, a chart its table, so nothing is sent
// twice and no address is asked. Only pages with islands load scripts, and only
// their Content-Security-Policy allows any: modules of the console's own. Styles
// come from one file; there is no inline style. Texts are in
// text/<language>.json.
//
// Sessions live in memory and end with the process. Their cookie holds 32
// random bytes; only a hash of it is kept. What is logged about a sign-in is
// the outcome and, where the name exists in the configuration, the name: a
// mistyped name may be a password, and addresses are logged nowhere.
package console
