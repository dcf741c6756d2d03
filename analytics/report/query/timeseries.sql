-- The site's sums by local day, week (its Monday) or month (its first day), and
-- first, as day 0, of all days together. visitors and kept, a number past the
-- events' term, are added up by timeseries.go: the text is kept short, as that of
-- sold.sql.
SELECT
    toInt64({{step}}) AS at, uniqCombined64Merge(14)(visitors), sum(kept),
    sum(impressions), sum(clicks), sum(visits), sum(page_views)
FROM campaign_day
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
GROUP BY ROLLUP(at)
