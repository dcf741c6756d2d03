-- Which sites were wound down, and how far that is (wind_down.go). The newest step
-- counts (FINAL). Kept for good: a backup that is restored later must lose the
-- site's rows again, and nothing that comes late about it is stored.
CREATE TABLE IF NOT EXISTS wind_downs{{onCluster}}
(
    site     LowCardinality(String),
    begun    DateTime64(3, 'UTC'),
    begun_by LowCardinality(String), -- an account, or "shell NAME"
    reason   String,
    step     UInt8,                  -- 0 requested, 1 listed, 2 deleted, 3 masked, 4 done
    taken    DateTime64(3, 'UTC') DEFAULT now64(3), -- by ClickHouse
    stepped  DateTime64(3, 'UTC') DEFAULT now64(3), -- when the step was reached
    rows     UInt64,                 -- deleted; 0 before step 1
    consents UInt64,                 -- left without their subject
    receipt  String                  -- the signature, once done
)
ENGINE = {{engine "ReplacingMergeTree" "step"}}
ORDER BY (site, begun)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
