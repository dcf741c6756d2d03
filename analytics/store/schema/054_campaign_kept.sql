-- What becomes of the rollup's sketches past the term of the events that they
-- were made from (keep.go): a number. visitors of a day's row is then empty and
-- kept says how many it had.
--
-- The job that does it runs every hour on one node. TTL empties what it did not
-- come to within a month: the number is lost then, nobody is kept.
ALTER TABLE campaign_day{{onCluster}}
    ADD COLUMN IF NOT EXISTS kept SimpleAggregateFunction(sum, UInt64),
    MODIFY COLUMN visitors AggregateFunction(uniqCombined64(14), UInt64) TTL keep_until + INTERVAL 31 DAY;

-- Days on their way: their rows without sketches, until campaign_day has them.
CREATE TABLE IF NOT EXISTS campaign_keeping{{onCluster}}
(
    site        LowCardinality(String),
    local_day   Date,
    attributed  Bool,
    channel     LowCardinality(String),
    source      LowCardinality(String),
    medium      LowCardinality(String),
    campaign    LowCardinality(String),
    content     LowCardinality(String),
    term        LowCardinality(String),
    visits      UInt64,
    page_views  UInt64,
    customs     UInt64,
    impressions UInt64,
    clicks      UInt64,
    mail_opens  UInt64,
    mail_clicks UInt64,
    keep_until  Date,
    kept        UInt64
)
ENGINE = {{engine "MergeTree"}}
ORDER BY (site, local_day)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;

-- Which days those are. Once a day is here, campaign_keeping has all of it.
CREATE TABLE IF NOT EXISTS keeping_days{{onCluster}}
(
    site      LowCardinality(String),
    local_day Date
)
ENGINE = {{engine "MergeTree"}}
ORDER BY (site, local_day)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
