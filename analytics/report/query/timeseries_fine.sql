-- What timeseries.sql says, by minute or local hour, in seconds since 1970, between
-- two moments. The rollup has days only.
SELECT
    toInt64({{step}}) AS at,
    uniqCombined64If(14)(visitor, visitor != 0 AND kind IN ('visit', 'page_view', 'custom', 'conversion')), toUInt64(0),
    countIf(kind = 'impression'), countIf(kind = 'click'), countIf(kind = 'visit'), countIf(kind = 'page_view')
FROM events
WHERE site = {site:String} AND machine = 0
  AND indexHint(toDate(time) BETWEEN toDate({since:DateTime('UTC')}) AND toDate({until:DateTime('UTC')}))
  AND time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
  AND 1 /* narrowed */
GROUP BY ROLLUP(at)
