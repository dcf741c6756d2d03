-- The site's sums by local day, and first, as day 0, of all days together.
SELECT
    toInt32(local_day) AS on_day,
    toInt64(uniqCombined64Merge(14)(visitors)),
    toInt64(sum(impressions)), toInt64(sum(clicks)), toInt64(sum(visits)), toInt64(sum(page_views))
FROM campaign_day
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
GROUP BY ROLLUP(on_day)
