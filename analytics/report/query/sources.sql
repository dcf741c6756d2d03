-- One row per source and channel, with how many visitors it and all the smaller
-- ones have together: what the fold needs. Past the events' term the rollup has
-- numbers in place of sketches (kept): their sum, and the greatest of them, which
-- so many different people are at least. places are the hashes by which sold.sql
-- says where conversions came from. Events without consent to marketing have no
-- source, so they are one row. The text is kept short, as that of sold.sql.
--
-- site: the site's id · from, to: local days, both included · only: the places
-- to count
WITH groups AS
(
    SELECT
        attributed, source AS d1, channel AS d2,
        uniqCombined64MergeState(14)(visitors) AS people,
        finalizeAggregation(people) AS different, sum(kept) AS past, max(kept) AS most,
        groupUniqArray(cityHash64(attributed, channel, source, medium, campaign, content, term)) AS places,
        sum(visits) AS n1
    FROM campaign_day
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}{{only}}
    GROUP BY attributed, d1, d2
)
SELECT
    attributed, different,
    uniqCombined64Merge(14)(people) OVER (ORDER BY greatest(different, most), attributed, d1, d2 ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
    past, most, places, d1, d2, n1
FROM groups
