-- What has been applied to this database. The one file that runs at every
-- start, because the record of the others is kept in it.
-- ReplacingMergeTree: two programs that start at the same moment both write
-- the same row, and one is left.
CREATE TABLE IF NOT EXISTS schema_migrations{{onCluster}}
(
    number     UInt32,
    name       String,
    checksum   FixedString(32), -- SHA-256 of the file as it was applied
    applied_at DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
