-- One row per campaign, or content, or term, smallest first, with how many visitors it and all the
-- smaller ones have together: what the fold needs. Past the events' term the
-- rollup has numbers (kept) in place of sketches, which are added up; how many
-- different people they are at least, the greatest of them says. places are the
-- hashes by which sold.sql says where conversions came from.
--
-- site: the site's id · from, to: local days, both included · only: the keys
-- of the groups to count, all where empty · detail: 0 campaigns, 1 by content
-- as well, 2 by content and term
WITH groups AS
(
    SELECT
        attributed AS consented,
        multiIf(NOT attributed, '', source != '', source, channel) AS from_source,
        if(attributed, medium, '') AS by_medium,
        if(attributed, campaign, '') AS in_campaign,
        if(attributed AND {detail:UInt8} >= 1, content, '') AS with_content,
        if(attributed AND {detail:UInt8} >= 2, term, '') AS for_term,
        cityHash64(consented, from_source, by_medium, in_campaign, with_content, for_term) AS key,
        uniqCombined64MergeState(14)(visitors) AS people,
        toInt64(sum(kept)) AS past_visitors,
        toInt64(finalizeAggregation(people)) + past_visitors AS all_visitors,
        toInt64(greatest(finalizeAggregation(people), max(kept))) AS at_least,
        groupUniqArray(cityHash64(attributed, channel, source, medium, campaign, content, term)) AS places,
        toInt64(sum(impressions)) AS sum_impressions,
        toInt64(sum(clicks)) AS sum_clicks,
        toInt64(sum(visits)) AS sum_visits
    FROM campaign_day
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
    GROUP BY consented, from_source, by_medium, in_campaign, with_content, for_term
    HAVING empty({only:Array(UInt64)}) OR has({only:Array(UInt64)}, key)
)
SELECT
    consented, key, all_visitors,
    toInt64(uniqCombined64Merge(14)(people) OVER smaller) + toInt64(sum(past_visitors) OVER smaller) AS visitors_up_to_here,
    at_least,
    greatest(toInt64(uniqCombined64Merge(14)(people) OVER smaller), max(at_least) OVER smaller) AS at_least_up_to_here,
    places,
    from_source, by_medium, in_campaign, with_content, for_term,
    sum_impressions, sum_clicks, sum_visits
FROM groups
WINDOW smaller AS (ORDER BY at_least, consented, from_source, by_medium, in_campaign, with_content, for_term ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
