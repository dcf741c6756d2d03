-- What people keep in the console: segments (named filters), marks on charts,
-- shared links; and, noted by the console itself, how a site was configured
-- from when on. The newest version of a row counts (FINAL); a deleted one has
-- no body. No token: a shared link is a signature over id and expiry.
CREATE TABLE IF NOT EXISTS console_state{{onCluster}}
(
    site    LowCardinality(String),
    kind    LowCardinality(String), -- segment, mark, share, state
    id      String,                 -- 32 hex digits
    name    String,                 -- a segment's or a share's; a mark's text
    owner   LowCardinality(String), -- who made it; empty for the console itself
    day     Date,                   -- a mark's, in the site's zone; of the others when they were made
    body    String,                 -- a segment's filters, a share's report and question, a state
    created DateTime64(3, 'UTC'),
    expires DateTime64(3, 'UTC'),   -- 1970-01-01: never
    deleted UInt64,                 -- 1: taken back
    version UInt64                  -- nanoseconds since 1970
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
ORDER BY (site, kind, id)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
