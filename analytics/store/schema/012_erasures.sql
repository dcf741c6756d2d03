-- Who asked to be erased, and how far that is (erase.go). A person is named by
-- a keyed hash; the id itself, sealed by the key ring, is there only until the
-- work is done. The newest step of a request counts (FINAL). Kept for good: a
-- backup that is restored later must forget them again.
CREATE TABLE IF NOT EXISTS erasures{{onCluster}}
(
    site         LowCardinality(String),
    hash         FixedString(16),
    requested    DateTime64(3, 'UTC'),
    requested_by LowCardinality(String), -- visitor, recipient, operator
    step         UInt8,                  -- 0 requested, 1 listed, 2 deleted, 3 masked, 4 done
    subject      String,                 -- sealed; empty once done
    taken        DateTime64(3, 'UTC') DEFAULT now64(3), -- by ClickHouse
    stepped      DateTime64(3, 'UTC') DEFAULT now64(3), -- when the step was reached
    events       UInt64,                 -- rows deleted; 0 before step 1
    touches      UInt64,
    consents     UInt64,                 -- rows blanked
    receipt      String                  -- the signature, once done
)
ENGINE = {{engine "ReplacingMergeTree" "step"}}
PARTITION BY toYYYYMM(requested)
ORDER BY (site, hash, requested)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;

-- The people that are being erased now. In memory alone: a statement that
-- deletes names this table, so that no id stands in its text, which ClickHouse
-- keeps in mutation files and logs.
CREATE TABLE IF NOT EXISTS erasing{{onCluster}}
(
    site    LowCardinality(String),
    visitor UInt64
)
ENGINE = {{engine "Memory"}};

-- The days of the rollup that they were in, to be rebuilt. On disk, because
-- once their events are deleted nothing else knows.
CREATE TABLE IF NOT EXISTS erasing_days{{onCluster}}
(
    site      LowCardinality(String),
    local_day Date
)
ENGINE = {{engine "MergeTree"}}
ORDER BY (site, local_day)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
