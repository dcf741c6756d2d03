-- One row per link of a mail campaign, in the order in which a campaign's links
-- are folded: fewest clickers first, with how many recipients a link and all
-- the smaller ones of its campaign have together. A link is where it leads,
-- without the query, and a mark that tells apart those that differ only there.
-- The hits are those of mail_hits.sql.
--
-- site: the site's id · from, to: local days, both included
WITH links AS
(
    SELECT
        toString(source) AS from_source, toString(campaign) AS in_campaign, toString(content) AS with_content,
        concat(host, path) AS page, props['link'] AS link,
        uniqCombined64StateIf(14)(recipient, machine = 0 AND recipient != 0) AS people,
        toInt64(finalizeAggregation(people)) AS distinct_recipients,
        toInt64(countIf(machine = 0)) AS clicks,
        toInt64(uniqExactIf(recipient, machine = 0)) AS clickers,
        toInt64(countIf(machine = 1)) AS machine_clicks
    FROM {{events}}
    WHERE kind = 'mail_click' AND local_day BETWEEN {from:Date} AND {to:Date}
      AND 1 /* narrowed */
    GROUP BY from_source, in_campaign, with_content, page, link
)
SELECT
    from_source, in_campaign, with_content, page, link, clicks, clickers, machine_clicks, distinct_recipients,
    toInt64(uniqCombined64Merge(14)(people) OVER
    (
        PARTITION BY from_source, in_campaign, with_content
        ORDER BY distinct_recipients, page, link
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )) AS recipients_up_to_here
FROM links
ORDER BY from_source, in_campaign, with_content, distinct_recipients, page, link
