-- Which key ring the nodes of this store share, by its fingerprint: a node with
-- another one refuses to start. One row, or a few where the first nodes came
-- at the same moment: the earliest counts.
CREATE TABLE IF NOT EXISTS key_ring{{onCluster}}
(
    fingerprint String,
    claimed_at  DateTime64(3, 'UTC')
)
ENGINE = {{engine "MergeTree"}}
ORDER BY (claimed_at, fingerprint)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
