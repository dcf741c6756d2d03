// Package export copies what is kept of one website into a folder, for whoever
// answers for that site to take along (policy 4.1, 7.7): a customer's data is the
// customer's.
//
//	manifest.json      every file with its size, SHA-256 and rows; it comes last
//	README.md          what is in it, and how to check it
//	site.json          what visitors were told: controller, purposes, services, terms
//	policies/          every version of the policy, in every language
//	tables/            events and the rest, as Parquet that ClickHouse writes
//	ledger/            the consents with their hash chains and signed checkpoints,
//	                   and the wordings that people agreed to
//	unsubscribed.csv   who wants no mail, by the sender's own names
//
// It holds what the site's operator may hold and nothing of the service's: no
// sealed ids, no keys, no accounts, no audit log, no other site's rows.
//
// A folder is whole or not there: it is written under another name first. Files
// are bounded by rows, so that neither side needs more memory for a large site.
// Each Parquet file is read back as far as its footer, which has the number of its
// rows: one that ClickHouse could not finish fails the export.
package export
