// Package banner is what a visitor sees and clicks: the script that a site's
// pages load, its lazily loaded parts, and the pages that work without script.
//
//	src/*.ts, *.css ──go run ./banner/build──▶ dist/ ──embedded──▶ Assets
//	i18n/<tag>.json ──embedded───────────────▶ wording in each language
//	pages/*.html    ──embedded───────────────▶ choices, policy, rights …
//
// One response of GET /b/{site}.js holds everything that a page needs before
// the visitor opens the preferences: the site's configuration, the wording of
// the first layer in one language, its style sheet and the loader built with
// just the features that the site uses. It stays below Budget bytes in brotli; a
// test keeps it so, and kunji check warns where a site's own words outweigh it.
// The preferences dialog, the placeholder of held-back frames and the note that
// tells of an incident are parts of their own, named by a hash of their content
// and immutable.
//
// What is shown is evidence. Sentences are put together here, never in the
// browser, so that Notice gives exactly the wording that the script and the
// pages show; the version it carries travels with each choice and comes back
// in the consent record.
//
// A script that is held back runs once its purpose is granted. On a page whose
// Content-Security-Policy trusts scripts by a nonce, it must carry the nonce of
// our own tag: under 'strict-dynamic' whatever a trusted script inserts is
// trusted, and markup that somebody injected could else run by naming a purpose.
// Images and frames stay under the page's own img-src and frame-src. Pages whose
// tag has no nonce release by purpose alone.
//
// What a service leaves behind (the names of cookies and storage keys that it
// declares; values are never read) is cleared in the page as soon as it loses
// its consent, and once more two seconds after each page load for every service
// that may not run: a choice made on a page without script could not do it. A
// name that a service with consent declares too is left alone.
//
// The package does no I/O besides writing pages. Its composed files are cached
// within a bound and safe for use by many goroutines.
package banner
