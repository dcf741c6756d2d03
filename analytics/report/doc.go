// Package report answers a marketer's questions from what the store holds.
//
// One query layer serves the console's pages, JSON, CSV and the command line,
// so that the same question has the same figures everywhere:
//
//	Query ──▶ Run ──▶ query/<name>.sql through the store ──▶ fold ──▶ Table
//	                                                                   │
//	                         WriteJSON, WriteCSV, WriteText, a page ◀──┘
//
// What holds for every report:
//
//   - Days are civil days of the site's zone, both ends included. They are
//     compared with local_day, which was set when the event was kept, so a
//     change of the clocks makes a day of 23 or 25 hours and nothing else.
//   - Machines (crawlers, scanners, monitors) are left out.
//   - A conversion is read from the events, the earliest per site and order
//     over everything the store holds, never summed in a rollup. A page that
//     is loaded again, or an order that is sent by page and server, counts
//     once, on the day it was first heard of.
//   - A refund counts on its own day, in the row of its order's conversion.
//   - Money is exact: ten-thousandths of the site's currency. Amounts in other
//     currencies are counted in Meta.OtherCurrencies and never added up.
//   - What was kept without consent to marketing has no source. Its row says
//     "(not consented)" and never "direct".
//   - Rows of fewer than the site's MinGroup visitors are folded into one (see
//     Fold), so that neither a row nor its difference to the totals shows a
//     handful of people (policy 2.3.3). Filters choose among the rows that are
//     left and cannot look inside the fold.
//   - Figures are complete up to Meta.CompleteUntil.
package report
