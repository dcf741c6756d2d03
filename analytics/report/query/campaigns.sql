-- One row per campaign, or content, or term, with how many visitors it and all
-- the smaller ones have together: what the fold needs. Past the events' term the rollup has
-- numbers in place of sketches (kept): their sum, and the greatest of them, which
-- so many different people are at least. places are the hashes by which sold.sql
-- says where conversions came from. Events without consent to marketing have no
-- source, so they are one row. The text is kept short, as that of sold.sql.
--
-- site: the site's id · from, to: local days, both included · only: the places
-- to count · content, term: the columns, or '' where a campaign is one row
WITH groups AS
(
    SELECT
        attributed, if(source = '', channel, source) AS d1, medium, campaign, {{content}} AS d4, {{term}} AS d5,
        uniqCombined64MergeState(14)(visitors) AS people,
        finalizeAggregation(people) AS different, sum(kept) AS past, max(kept) AS most,
        groupUniqArray(cityHash64(attributed, channel, source, medium, campaign, content, term)) AS places,
        sum(impressions) AS n1, sum(clicks) AS n2, sum(visits) AS n3
    FROM campaign_day
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}{{only}}
    GROUP BY attributed, d1, medium, campaign, d4, d5
)
SELECT
    attributed, different,
    uniqCombined64Merge(14)(people) OVER (ORDER BY greatest(different, most), attributed, d1, medium, campaign, d4, d5 ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
    past, most, places, d1, medium, campaign, d4, d5, n1, n2, n3
FROM groups
