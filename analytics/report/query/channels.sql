-- One row per channel, smallest first, with how many visitors it and all the
-- smaller ones have together: what the fold needs. Past the events' term the
-- rollup has numbers (kept) in place of sketches, which are added up; how many
-- different people they are at least, the greatest of them says. places are the
-- hashes by which sold.sql says where conversions came from.
--
-- site: the site's id · from, to: local days, both included · only: the keys
-- of the groups to count, all where empty
WITH groups AS
(
    SELECT
        attributed AS consented,
        if(attributed, channel, '') AS by_channel,
        cityHash64(consented, by_channel) AS key,
        uniqCombined64MergeState(14)(visitors) AS people,
        toInt64(sum(kept)) AS past_visitors,
        toInt64(finalizeAggregation(people)) + past_visitors AS all_visitors,
        toInt64(greatest(finalizeAggregation(people), max(kept))) AS at_least,
        groupUniqArray(cityHash64(attributed, channel, source, medium, campaign, content, term)) AS places,
        toInt64(sum(visits)) AS sum_visits
    FROM campaign_day
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
    GROUP BY consented, by_channel
    HAVING empty({only:Array(UInt64)}) OR has({only:Array(UInt64)}, key)
)
SELECT
    consented, key, all_visitors,
    toInt64(uniqCombined64Merge(14)(people) OVER smaller) + toInt64(sum(past_visitors) OVER smaller) AS visitors_up_to_here,
    at_least,
    greatest(toInt64(uniqCombined64Merge(14)(people) OVER smaller), max(at_least) OVER smaller) AS at_least_up_to_here,
    places,
    by_channel,
    sum_visits
FROM groups
WINDOW smaller AS (ORDER BY at_least, consented, by_channel ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
