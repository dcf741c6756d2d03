-- One row per event: the type Event of package event, every field of it.
--
-- The sorting key opens with what every report asks for: one site, one kind,
-- a range of days. time itself stays out of the primary key, or the day no
-- longer prunes (measured: 20 M rows). Rows of one visitor lie together, so
-- that funnels and attribution read in order.
--
-- An all-zero event_id or consent_record, a zero visitor, session or
-- recipient and an empty text mean "none": a Nullable column costs a second
-- file and a mask on every read.
CREATE TABLE IF NOT EXISTS events{{onCluster}}
(
    time                DateTime64(3, 'UTC'),   -- UTC, or toDate(time) would follow the server's zone
    local_day           Date,                   -- in the site's zone; reports select by it
    site                LowCardinality(String),
    kind                LowCardinality(String), -- page_view, custom, visit, impression, click, conversion, refund, mail_open, mail_click
    event_id            UUID,
    visitor             UInt64,
    session             UInt64,
    basis               LowCardinality(String), -- record, mail, opt_out
    consent_record      UUID,                   -- consents.id, zero without one
    attributed          Bool,                   -- marketing was granted; else campaign columns are empty: "not consented", never "Direct"

    -- Where the session came from, as its start saw it.
    source              LowCardinality(String),
    medium              LowCardinality(String),
    campaign            LowCardinality(String),
    campaign_id         LowCardinality(String),
    content             LowCardinality(String),
    term                LowCardinality(String),
    click_id_kind       LowCardinality(String), -- gclid, fbclid …; never the click id
    channel             LowCardinality(String),
    referrer_host       LowCardinality(String),

    -- The visitor's first source; only on visit rows.
    first_source        LowCardinality(String),
    first_medium        LowCardinality(String),
    first_campaign      LowCardinality(String),
    first_campaign_id   LowCardinality(String),
    first_content       LowCardinality(String),
    first_term          LowCardinality(String),
    first_click_id_kind LowCardinality(String),
    first_channel       LowCardinality(String),
    first_referrer_host LowCardinality(String),

    host                LowCardinality(String),
    path                String,                 -- no query, no fragment, redacted
    name                LowCardinality(String),
    props               Map(LowCardinality(String), String),
    value               Decimal(18, 4),
    currency            LowCardinality(String),
    order_id            String,

    country             LowCardinality(String), -- ISO 3166-1 alpha-2
    region              LowCardinality(String), -- ISO 3166-2, such as US-CA
    isp                 LowCardinality(String),
    language            LowCardinality(String),
    browser             LowCardinality(String), -- families, never versions
    os                  LowCardinality(String),
    device              LowCardinality(String),
    machine             UInt8,                  -- 1: a bot, a scanner, a mail proxy
    machine_reason      LowCardinality(String),

    recipient           UInt64,                 -- only in mail rows, where visitor and session are 0
    keep_until          Date                    -- the row's last day: retention per site as a plain TTL
)
ENGINE = {{engine "MergeTree"}}
PARTITION BY toYYYYMM(time)
PRIMARY KEY (site, kind, toDate(time))
ORDER BY (site, kind, toDate(time), visitor, time)
TTL keep_until + INTERVAL 1 DAY
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
