-- The ledger of decisions: the type Consent of package event, with the fields
-- of ISO/IEC TS 27560. A decision that grants nothing has no id, no subject,
-- and its time is rounded to the hour.
--
-- Ordered by subject for the questions "what may we" and "what is kept about
-- me"; the filter on id answers a receipt. Partitions are years: proof is kept
-- for years, and sixty monthly parts would be opened for one receipt.
CREATE TABLE IF NOT EXISTS consents{{onCluster}}
(
    site            LowCardinality(String),
    subject         UInt64,                 -- the visitor, 0 without a grant
    time            DateTime64(3, 'UTC'),
    id              UUID,
    previous        UUID,                   -- the record that this one changes
    method          LowCardinality(String), -- accept_all, reject_all, save, withdraw, gpc
    surface         LowCardinality(String), -- banner, preferences, choices, placeholder, api
    purposes        Nested (name LowCardinality(String), version UInt32, granted Bool),
    services        Nested (name LowCardinality(String), granted Bool),
    notice_version  LowCardinality(String),
    notice_hash     FixedString(32),        -- SHA-256 of the exact wording shown
    notice_language LowCardinality(String),
    policy_version  UInt32,
    regime          LowCardinality(String), -- opt_in, opt_out
    country         LowCardinality(String),
    region          LowCardinality(String),
    signal          Bool,                   -- Sec-GPC: 1 was sent
    age             LowCardinality(String), -- adult, minor, unanswered, or empty where not asked
    guardian        Bool,
    keep_until      Date,
    INDEX by_id id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = {{engine "MergeTree"}}
PARTITION BY toYear(time)
ORDER BY (site, subject, time)
TTL keep_until + INTERVAL 1 DAY
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
