-- The site's sums by local day, week (its Monday) or month (its first day), and
-- first, as day 0, of all days together.
SELECT
    toInt64(multiIf({by:String} = 'week', toMonday(local_day), {by:String} = 'month', toStartOfMonth(local_day), local_day)) AS at,
    toInt64(uniqCombined64Merge(14)(visitors) + sum(kept)), -- kept: a number, past the events' term
    toInt64(sum(impressions)), toInt64(sum(clicks)), toInt64(sum(visits)), toInt64(sum(page_views))
FROM campaign_day
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
GROUP BY ROLLUP(at)
