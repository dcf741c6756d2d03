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
// just the features that the site uses. It stays below Budget bytes in brotli;
// a test keeps it so. The preferences dialog and the placeholder of held-back
// frames are parts of their own, named by a hash of their content and
// immutable.
//
// What is shown is evidence. Sentences are put together here, never in the
// browser, so that Notice gives exactly the wording that the script and the
// pages show; the version it carries travels with each choice and comes back
// in the consent record.
//
// The package does no I/O besides writing pages. Its composed files are cached
// within a bound and safe for use by many goroutines.
package banner
