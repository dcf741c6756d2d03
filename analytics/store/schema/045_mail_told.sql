-- Which unsubscriptions the sender's webhook has taken. What mail_consents has
-- and this has not is the queue: it outlives every process, and another node can
-- go on with it. key is a hash of site, recipient and time: nobody is named here.
CREATE TABLE IF NOT EXISTS mail_told{{onCluster}}
(
    site LowCardinality(String),
    key  UInt64,
    told DateTime('UTC')
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (site, key)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
