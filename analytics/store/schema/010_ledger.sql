-- What makes the ledger tamper-evident: a hash chain per site and writing node
-- (ledger.go says how it is computed and why).
--
-- subject is part of the sorting key, so no UPDATE can blank it: an erasure
-- inserts a blank copy of the row and deletes the row.
ALTER TABLE consents{{onCluster}}
    ADD COLUMN IF NOT EXISTS withdraws  Bool,            -- previous never counts again
    ADD COLUMN IF NOT EXISTS salt       FixedString(16), -- of the commitment; zero once erased
    ADD COLUMN IF NOT EXISTS node       UUID,            -- who wrote the row: the id of its spool
    ADD COLUMN IF NOT EXISTS chain_seq  UInt64,          -- 1, 2, 3 … for each site and node
    ADD COLUMN IF NOT EXISTS commitment FixedString(32), -- to the subject, under the salt
    ADD COLUMN IF NOT EXISTS chain_hash FixedString(32), -- over the one before and all fields but subject and salt
    ADD COLUMN IF NOT EXISTS erased     Bool,            -- subject and salt were blanked
    ADD COLUMN IF NOT EXISTS taken      DateTime64(3, 'UTC') DEFAULT now64(3), -- by ClickHouse; for those who ask what is new
    ADD INDEX IF NOT EXISTS by_taken taken TYPE minmax GRANULARITY 1;

-- What a chain looked like at a moment, signed by the key ring. first = 0: an
-- anchor, which tells when the end of a chain is missing. first > 0: the rows
-- from first to chain_seq were about to reach the end of their term, and may be
-- gone since.
CREATE TABLE IF NOT EXISTS consent_checkpoints{{onCluster}}
(
    site       LowCardinality(String),
    node       UUID,
    first      UInt64,
    chain_seq  UInt64,
    chain_hash FixedString(32), -- of the row chain_seq
    time       DateTime64(3, 'UTC'),
    signature  String
)
ENGINE = {{engine "MergeTree"}}
ORDER BY (site, node, chain_seq, first)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
