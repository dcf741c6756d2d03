-- What machines did on the days {from} to {to} of {site}, by why they are taken
-- for machines. No other report counts any of it, but mail, which says so.
SELECT
    toString(machine_reason) AS reason,
    toInt64(count()) AS hits,
    toInt64(countIf(kind = 'page_view')), toInt64(countIf(kind = 'visit')),
    toInt64(countIf(kind = 'impression')), toInt64(countIf(kind = 'click')), toInt64(countIf(kind = 'conversion')),
    toInt64(countIf(kind = 'mail_open')), toInt64(countIf(kind = 'mail_click'))
FROM events
WHERE site = {site:String} AND machine = 1
  AND indexHint(toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1)
  AND local_day BETWEEN {from:Date} AND {to:Date}
  AND 1 /* narrowed */
GROUP BY reason
ORDER BY hits, reason
