-- Sums by day and campaign: 57 thousand rows from 5 million events, the
-- campaign table in 49 ms instead of 290 (measured).
--
-- Wide: one column per kind, never kind or machine in the key; machines are
-- left out. Conversions and refunds are left out as well: the same order can
-- arrive twice (page and server), so reports read the earliest row per site
-- and order from events.
--
-- visitors counts who visited, viewed a page, did something or converted, not
-- who only saw an ad. Its state holds reversible hashes of ids while a group
-- is small, so it is personal data: it goes when the events it came from go
-- (keep_until), and the sums, which name nobody, stay.
CREATE TABLE IF NOT EXISTS campaign_day{{onCluster}}
(
    site        LowCardinality(String),
    local_day   Date,
    attributed  Bool,
    channel     LowCardinality(String),
    source      LowCardinality(String),
    medium      LowCardinality(String),
    campaign    LowCardinality(String),
    content     LowCardinality(String),
    term        LowCardinality(String),
    visits      SimpleAggregateFunction(sum, UInt64),
    page_views  SimpleAggregateFunction(sum, UInt64),
    customs     SimpleAggregateFunction(sum, UInt64),
    impressions SimpleAggregateFunction(sum, UInt64),
    clicks      SimpleAggregateFunction(sum, UInt64),
    mail_opens  SimpleAggregateFunction(sum, UInt64),
    mail_clicks SimpleAggregateFunction(sum, UInt64),
    keep_until  SimpleAggregateFunction(max, Date),
    visitors    AggregateFunction(uniqCombined64(14), UInt64) TTL keep_until + INTERVAL 1 DAY
)
ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY toYYYYMM(local_day)
ORDER BY (site, local_day, attributed, channel, source, medium, campaign, content, term)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS events_to_campaign_day{{onCluster}} TO campaign_day AS
SELECT
    site, local_day, attributed, channel, source, medium, campaign, content, term,
    countIf(kind = 'visit')      AS visits,
    countIf(kind = 'page_view')  AS page_views,
    countIf(kind = 'custom')     AS customs,
    countIf(kind = 'impression') AS impressions,
    countIf(kind = 'click')      AS clicks,
    countIf(kind = 'mail_open')  AS mail_opens,
    countIf(kind = 'mail_click') AS mail_clicks,
    max(e.keep_until)            AS keep_until,
    uniqCombined64StateIf(14)(visitor, visitor != 0 AND kind IN ('visit', 'page_view', 'custom', 'conversion')) AS visitors
FROM events AS e
WHERE machine = 0 AND kind != 'refund'
GROUP BY site, local_day, attributed, channel, source, medium, campaign, content, term;
