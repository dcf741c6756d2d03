-- What one unit of a currency is worth in a site's own, from a day on until the
-- next row of that currency. By site, because each has its own books. A later
-- upload of the same day replaces the earlier one (read with FINAL).
CREATE TABLE IF NOT EXISTS rates{{onCluster}}
(
    site     LowCardinality(String),
    currency LowCardinality(String), -- ISO 4217
    day      Date,
    worth    UInt64,                 -- hundred-millionths
    version  UInt64                  -- of the upload: nanoseconds since 1970
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
ORDER BY (site, currency, day)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
