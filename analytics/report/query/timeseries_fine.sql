-- The site's sums by minute or local hour, in seconds since 1970, between two
-- moments; and first, as 0, of all together. The rollup has days only.
SELECT
    if({by:String} = 'hour',
        toInt64(toUnixTimestamp(time)) - toMinute(toTimeZone(time, {zone:String})) * 60 - toSecond(time),
        toInt64(toUnixTimestamp(time)) - toSecond(time)) AS at,
    toInt64(uniqCombined64If(14)(visitor, visitor != 0 AND kind IN ('visit', 'page_view', 'custom', 'conversion'))),
    toInt64(countIf(kind = 'impression')), toInt64(countIf(kind = 'click')),
    toInt64(countIf(kind = 'visit')), toInt64(countIf(kind = 'page_view'))
FROM events
WHERE site = {site:String} AND machine = 0
  AND toDate(time) BETWEEN toDate({since:DateTime('UTC')}) AND toDate({until:DateTime('UTC')})
  AND time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
  AND 1 /* narrowed */
GROUP BY ROLLUP(at)
