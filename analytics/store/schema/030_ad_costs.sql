-- What advertising cost, as platforms say it: by day in the site's zone and by
-- what the links carry. A later upload of the same key replaces the earlier one
-- (read with FINAL); currency is no part of the key, so a corrected currency
-- replaces too. Names nobody, so it is kept until a site's wind-down.
CREATE TABLE IF NOT EXISTS ad_costs{{onCluster}}
(
    site        LowCardinality(String),
    day         Date,
    source      LowCardinality(String),
    medium      LowCardinality(String),
    campaign    LowCardinality(String),
    content     LowCardinality(String),
    term        LowCardinality(String),
    amount      Decimal(18, 4),
    currency    LowCardinality(String), -- ISO 4217
    impressions UInt64,                 -- the platform's count
    clicks      UInt64,                 -- the platform's count
    version     UInt64                  -- of the upload: nanoseconds since 1970
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
PARTITION BY toYear(day)
ORDER BY (site, day, source, medium, campaign, content, term)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
