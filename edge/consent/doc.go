// Package consent decides: may this hit be kept, and if not, why not?
//
//	purposes × regime × signals × record → granted or refused with a reason
//
// It is pure. It reads no clock, no network, no disk and no request: a
// Situation holds all that counts, so that every case can be listed in a table
// and tested. The rules, and where they come from:
//
//   - Using a site is never consent; unknown is no (GDPR Art. 4(11), EDPB
//     05/2020; PIPL 14).
//   - Each purpose has its own switch and version (policy 2.3.5, 2.4).
//   - Sec-GPC: 1 denies marketing. Only under opt_in does a grant stand
//     against it, and only one given on this site while the signal was being
//     sent (W3C Global Privacy Control; Cal. Code Regs. tit. 11 § 7025).
//   - A minor without a guardian's yes has only the necessary (PIPL 31,
//     policy 8).
//   - Data leaves its region only with a consent of its own (PIPL 39,
//     policy 7.6).
//   - A decision counts until its policy version or its purpose's version is
//     outdated (policy 9.1, 9.3); then it is unset, and a no stays a no. A
//     record that has expired, was forged or was taken back is a no.
//
// testdata/decisions.txt holds these rules as a table, row by row with their
// sources; the tests try every combination against it.
package consent
