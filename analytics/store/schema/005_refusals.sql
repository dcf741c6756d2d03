-- How often hits were refused, by hour. No row per person; cells under five
-- are merged when shown. Read with sum(count): rows of one key are added up
-- when parts merge, not before. Two years and a month, so that any month can
-- be compared with the year before.
CREATE TABLE IF NOT EXISTS refusals{{onCluster}}
(
    site    LowCardinality(String),
    hour    DateTime('UTC'),
    kind    LowCardinality(String), -- empty where the hit named none
    reason  LowCardinality(String), -- no_consent, gpc, withdrawn …
    country LowCardinality(String),
    device  LowCardinality(String),
    count   UInt64
)
ENGINE = {{engine "SummingMergeTree" "count"}}
PARTITION BY toYYYYMM(hour)
ORDER BY (site, hour, kind, reason, country, device)
TTL hour + INTERVAL 25 MONTH
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
