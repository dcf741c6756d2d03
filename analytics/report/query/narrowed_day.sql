-- What the rollup campaign_day has, of chosen events: it stands in its place
-- in statements whose filters the rollup does not know.
SELECT
    site, local_day, attributed, channel, source, medium, campaign, content, term,
    countIf(kind = 'visit') AS visits,
    countIf(kind = 'page_view') AS page_views,
    countIf(kind = 'impression') AS impressions,
    countIf(kind = 'click') AS clicks,
    uniqCombined64StateIf(14)(visitor, visitor != 0 AND kind IN ('visit', 'page_view', 'custom', 'conversion')) AS visitors,
    0::UInt64 AS kept
FROM events
WHERE site = {site:String} AND machine = 0 AND kind IN ('visit', 'page_view', 'custom', 'conversion', 'impression', 'click')
  AND indexHint(toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1)
  AND local_day BETWEEN {from:Date} AND {to:Date}
  AND 1 /* narrowed */
GROUP BY site, local_day, attributed, channel, source, medium, campaign, content, term
