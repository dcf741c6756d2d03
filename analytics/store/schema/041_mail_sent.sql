-- How many mails were made ready for sending, by campaign and day, with a pixel
-- or not, with signed links or not. No recipient, no time of day. Names nobody,
-- so it is kept until the site is wound down.
CREATE TABLE IF NOT EXISTS mail_sent{{onCluster}}
(
    site     LowCardinality(String),
    day      Date,                   -- in the site's zone
    source   LowCardinality(String),
    medium   LowCardinality(String),
    campaign LowCardinality(String),
    content  LowCardinality(String),
    pixel    UInt8,                  -- 1: the recipient had agreed to mail_open
    links    UInt8,                  -- 1: the recipient had agreed to mail_click
    mails    UInt64
)
ENGINE = {{engine "SummingMergeTree"}}
PARTITION BY toYear(day)
ORDER BY (site, day, source, medium, campaign, content, pixel, links)
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
