-- What was sold and given back: the conversions and refunds, one event in fifty
-- or a hundred, so that what an order is worth is read without the page views
-- beside it (measured: 20 M events, a third of the time).
--
-- sale is what counts once: the order, or the event where it has none. Of two
-- conversions of a sale the earlier one counts, and a refund is of the order's
-- sale. Whoever reads settles that, because an order can arrive twice, by page
-- and by server, and the earlier one last. It is a hash: two orders of a site
-- share one of 128 bits less often than a disk errs, and it is compared at a
-- fraction of the cost of the text. place is a hash of where it came from.
--
-- An event that is written twice (fill.go) is one row after a merge, and counts
-- once before it.
CREATE TABLE IF NOT EXISTS sales{{onCluster}}
(
    site           LowCardinality(String),
    kind           LowCardinality(String), -- conversion, refund
    local_day      Date,
    time           DateTime64(3, 'UTC'),
    event_id       UUID,
    sale           UInt128,
    visitor        UInt64,
    consent_record UUID,
    attributed     Bool,
    channel        LowCardinality(String),
    source         LowCardinality(String),
    medium         LowCardinality(String),
    campaign       LowCardinality(String),
    content        LowCardinality(String),
    term           LowCardinality(String),
    place          UInt64,
    value          Decimal(18, 4),
    currency       LowCardinality(String),
    machine        UInt8,
    keep_until     Date
)
ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY toYYYYMM(local_day)
ORDER BY (site, kind, local_day, time, event_id, visitor)
TTL keep_until + INTERVAL 1 DAY
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS events_to_sales{{onCluster}} TO sales AS
SELECT
    site, kind, local_day, time, event_id,
    if(order_id = '', reinterpretAsUInt128(event_id), reinterpretAsUInt128(sipHash128(order_id))) AS sale,
    visitor, consent_record,
    attributed, channel, source, medium, campaign, content, term,
    cityHash64(attributed, channel, source, medium, campaign, content, term) AS place,
    value, currency, machine, keep_until
FROM events
WHERE kind IN ('conversion', 'refund');
