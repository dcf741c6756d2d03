-- One row per mail campaign, smallest first, with how many recipients it and
-- all the smaller ones have together: what the fold needs. A recipient counts
-- who opened or clicked, machines left out. What a provider's proxy fetched is
-- told apart: a person may or may not have read it. The hits are those of
-- mail_hits.sql.
--
-- site: the site's id · from, to: local days, both included · only: the keys
-- of the groups to count, all where empty
WITH
    machine = 0 AND machine_reason = '' AS by_person,
    machine = 0 AND machine_reason != '' AS by_proxy,
    groups AS
(
    SELECT
        toString(source) AS from_source, toString(campaign) AS in_campaign, toString(content) AS with_content,
        cityHash64(from_source, in_campaign, with_content) AS key,
        uniqCombined64StateIf(14)(recipient, machine = 0 AND recipient != 0) AS people,
        finalizeAggregation(people) AS distinct_recipients,
        countIf(kind = 'mail_open' AND by_person) AS opens,
        countIf(kind = 'mail_open' AND by_proxy) AS proxy_opens,
        countIf(kind = 'mail_open' AND machine = 1) AS machine_opens,
        uniqExactIf(recipient, kind = 'mail_open' AND machine = 0) AS openers,
        countIf(kind = 'mail_click' AND machine = 0) AS clicks,
        countIf(kind = 'mail_click' AND machine = 1) AS machine_clicks,
        uniqExactIf(recipient, kind = 'mail_click' AND machine = 0) AS clickers
    FROM {{events}}
    WHERE local_day BETWEEN {from:Date} AND {to:Date}
      AND 1 /* narrowed */
    GROUP BY from_source, in_campaign, with_content
    HAVING empty({only:Array(UInt64)}) OR has({only:Array(UInt64)}, key)
)
SELECT
    true AS consented, key, distinct_recipients,
    uniqCombined64Merge(14)(people) OVER
    (
        ORDER BY distinct_recipients, from_source, in_campaign, with_content
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS recipients_up_to_here,
    from_source, in_campaign, with_content,
    opens, proxy_opens, machine_opens, openers, clicks, machine_clicks, clickers
FROM groups
