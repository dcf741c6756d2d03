-- What mail recipients said: the type Statement of package event, one row each.
-- 0 is unset, 1 granted, 2 denied. For each of the three choices the newest row
-- counts, a denial among those of one second; mailing = 2 is an
-- unsubscription.
--
-- Rows are kept until the site is wound down: the newest denial is what keeps a
-- no, and nobody can tell here which proof a grant still rests on. An erasure
-- takes the grants, and the proof from the denials that stay. A statement that is
-- imported again replaces itself.
--
-- No partitions: they would tear a recipient's few rows apart.
CREATE TABLE IF NOT EXISTS mail_consents{{onCluster}}
(
    site       LowCardinality(String),
    recipient  UInt64,                 -- the site's keyed hash of the mail address
    time       DateTime('UTC'),        -- when it was said
    mail_open  UInt8,
    mail_click UInt8,
    mailing    UInt8,
    said_by    LowCardinality(String), -- recipient, or "token NAME"
    proof      String,                 -- what shows it; empty: only said_by says so
    sealed     String,                 -- the sender's ref and list, sealed by the key ring; with an unsubscription by a mail's link
    taken      DateTime64(3, 'UTC') DEFAULT now64(3), -- by ClickHouse; for those who ask what is new
    INDEX by_taken taken TYPE minmax GRANULARITY 1
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (site, recipient, time, mail_open, mail_click, mailing)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
