-- What was measured of people on the days {from} to {to} of {site}, by country
-- and device.
SELECT
    toString(country), toString(device),
    toInt64(uniqCombined64If(14)(visitor, visitor != 0)),
    toInt64(countIf(kind = 'visit')), toInt64(countIf(kind = 'page_view'))
FROM events
WHERE site = {site:String} AND kind IN ('visit', 'page_view') AND machine = 0
  AND indexHint(toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1)
  AND local_day BETWEEN {from:Date} AND {to:Date}
  AND 1 /* narrowed */
GROUP BY country, device
