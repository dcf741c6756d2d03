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
//   - A conversion is read from the events (the table sales has those that it
//     takes), the earliest per site and order over everything the store holds,
//     never summed in a rollup. A page that
//     is loaded again, or an order that is sent by page and server, counts
//     once, on the day it was first heard of.
//   - A refund counts on its own day, in the row of its order's conversion.
//   - Money is exact: ten-thousandths of the site's currency. Amounts in other
//     currencies are converted by the rate of their day (rates.go); without one
//     they are counted in Meta.OtherCurrencies and in no sum.
//   - What platforms say (costs, their impressions and clicks) is uploaded and
//     stands in columns of its own beside what was measured.
//   - What was kept without consent to marketing has no source. Its row says
//     "(not consented)" and never "direct".
//   - Rows of fewer than the site's MinGroup visitors are folded into one (see
//     Fold), so that neither a row nor its difference to the totals shows a
//     handful of people (policy 2.3.3). Filters choose among the rows that are
//     left and cannot look inside the fold.
//     Steps of a funnel and weeks of a cohort that are about too few people
//     have no figure.
//   - Figures are complete up to Meta.CompleteUntil.
//
// Files of costs are read here too (costfile.go): all of a file or nothing.
package report
