-- The starts of sessions, in the order attribution reads them: one visitor's
-- touches side by side. Five models at once take half the time of the same
-- query over events (measured: 0.25 s instead of 0.50 s on 20 M rows).
-- Only `visit` makes a touch, and a touch needs a visitor.
CREATE TABLE IF NOT EXISTS touches{{onCluster}}
(
    site                LowCardinality(String),
    visitor             UInt64,
    time                DateTime64(3, 'UTC'),
    local_day           Date,
    session             UInt64,
    event_id            UUID,
    consent_record      UUID,
    source              LowCardinality(String),
    medium              LowCardinality(String),
    campaign            LowCardinality(String),
    campaign_id         LowCardinality(String),
    content             LowCardinality(String),
    term                LowCardinality(String),
    click_id_kind       LowCardinality(String),
    channel             LowCardinality(String),
    referrer_host       LowCardinality(String),
    first_source        LowCardinality(String),
    first_medium        LowCardinality(String),
    first_campaign      LowCardinality(String),
    first_campaign_id   LowCardinality(String),
    first_content       LowCardinality(String),
    first_term          LowCardinality(String),
    first_click_id_kind LowCardinality(String),
    first_channel       LowCardinality(String),
    first_referrer_host LowCardinality(String),
    host                LowCardinality(String),
    path                String,                 -- the landing page
    country             LowCardinality(String),
    region              LowCardinality(String),
    language            LowCardinality(String),
    browser             LowCardinality(String),
    os                  LowCardinality(String),
    device              LowCardinality(String),
    machine             UInt8,
    keep_until          Date
)
ENGINE = {{engine "MergeTree"}}
PARTITION BY toYYYYMM(time)
ORDER BY (site, visitor, time)
TTL keep_until + INTERVAL 1 DAY
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS events_to_touches{{onCluster}} TO touches AS
SELECT
    site, visitor, time, local_day, session, event_id, consent_record,
    source, medium, campaign, campaign_id, content, term, click_id_kind, channel, referrer_host,
    first_source, first_medium, first_campaign, first_campaign_id, first_content, first_term,
    first_click_id_kind, first_channel, first_referrer_host,
    host, path, country, region, language, browser, os, device, machine, keep_until
FROM events
WHERE kind = 'visit' AND visitor != 0;
