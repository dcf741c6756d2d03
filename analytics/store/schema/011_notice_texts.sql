-- The exact texts that decisions were made by (consents.notice_hash), each
-- once: rows of one text are merged, and the earliest time stays.
CREATE TABLE IF NOT EXISTS notice_texts{{onCluster}}
(
    site       LowCardinality(String),
    hash       FixedString(32), -- SHA-256 of text
    language   LowCardinality(String),
    version    LowCardinality(String),
    text       SimpleAggregateFunction(any, String),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) DEFAULT now64(3)
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (site, hash, language, version)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
