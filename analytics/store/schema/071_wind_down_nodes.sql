-- What each node took from its own disk for a wind-down, once it was done: signed
-- like the receipt in wind_downs, which is about this store alone. node is the id
-- of its spool. Kept for good, as those are.
CREATE TABLE IF NOT EXISTS wind_down_nodes{{onCluster}}
(
    site       LowCardinality(String),
    node       UUID,
    begun      DateTime64(3, 'UTC'), -- the wind-down
    cleaned    DateTime64(3, 'UTC'), -- by the node's clock
    aside      UInt64,               -- records dropped, or left without their subject, of what was set aside
    statements UInt64,               -- what mail recipients said
    receipt    String                -- the signature
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (site, begun, node)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;

-- Which ends the site's webhook has taken.
CREATE TABLE IF NOT EXISTS wind_down_told{{onCluster}}
(
    site  LowCardinality(String),
    begun DateTime64(3, 'UTC'),
    told  DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (site, begun)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
