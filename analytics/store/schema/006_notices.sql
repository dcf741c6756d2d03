-- How often a banner was shown and what was chosen, by day in the site's zone.
-- No row per person. Read with sum(count). Kept as long as refusals.
CREATE TABLE IF NOT EXISTS notices{{onCluster}}
(
    site     LowCardinality(String),
    day      Date,
    outcome  LowCardinality(String), -- shown, accepted, rejected, saved, withdrawn, gpc
    country  LowCardinality(String),
    device   LowCardinality(String),
    language LowCardinality(String),
    version  LowCardinality(String), -- of the banner
    count    UInt64
)
ENGINE = {{engine "SummingMergeTree" "count"}}
PARTITION BY toYYYYMM(day)
ORDER BY (site, day, outcome, country, device, language, version)
TTL day + INTERVAL 25 MONTH
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
