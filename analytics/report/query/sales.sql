-- Conversions and refunds of the days {from} to {to} of {site}, summed by day
-- and by where they came from and in which currency; money in ten-thousandths.
--
-- Read from events and never from a rollup, because the same order can arrive
-- twice, by page and by server. GLOBAL: an order's earliest conversion may lie
-- on another shard than the row that repeats it. LIMIT BY instead of argMin:
-- argMin of a tuple takes twice the time.
SELECT
    toInt32(day),
    -- 0, or in seconds since 1970 the minute or local hour of it
    multiIf(
        {bucket:String} = 'hour', toInt64(toUnixTimestamp(time)) - toMinute(toTimeZone(time, {zone:String})) * 60 - toSecond(time),
        {bucket:String} = 'minute', toInt64(toUnixTimestamp(time)) - toSecond(time),
        toInt64(0)) AS bucket,
    place.1 AS consented, place.2 AS channel, place.3 AS source, place.4 AS medium, place.5 AS campaign,
    place.6 AS content, place.7 AS term,
    toString(currency) AS in_currency,
    toInt64(countIf(sold)) AS conversions,
    toInt64(countIf(NOT sold)) AS refunded_orders,
    sumIf(amount, sold) AS value,
    sumIf(amount, NOT sold) AS refunds
FROM
(
    -- Each order once, as its earliest conversion has it, which may lie
    -- outside the range; without an order each conversion stands alone.
    SELECT true AS sold, time, day, place, toInt64(value * 10000) AS amount, currency
    FROM
    (
        SELECT time, local_day AS day, (attributed, channel, source, medium, campaign, content, term) AS place, value, currency, 1 /* narrowed */ AS chosen
        FROM events
        WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
          AND (order_id = '' AND local_day BETWEEN {from:Date} AND {to:Date}
              OR order_id != '' AND order_id GLOBAL IN
              (
                  SELECT order_id FROM events
                  WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
                    AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
                    AND local_day BETWEEN {from:Date} AND {to:Date}
              ))
        ORDER BY time, toString(event_id)
        LIMIT 1 BY order_id, if(order_id = '', event_id, toUUID('00000000-0000-0000-0000-000000000000'))
    )
    WHERE day BETWEEN {from:Date} AND {to:Date} AND chosen
    UNION ALL
    -- Each refund once, on its own day, where its order's conversion stands;
    -- where that is not known, its own place.
    SELECT false, time, day, if(known, origin, own), toInt64(value * 10000), currency
    FROM
    (
        SELECT time, local_day AS day, (attributed, channel, source, medium, campaign, content, term) AS own, value, currency, order_id AS of_order, 1 /* narrowed */ AS own_chosen
        FROM events
        WHERE site = {site:String} AND kind = 'refund' AND machine = 0
          AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
          AND local_day BETWEEN {from:Date} AND {to:Date}
        LIMIT 1 BY event_id
    ) AS refunded
    GLOBAL LEFT JOIN
    (
        SELECT order_id, true AS known, (attributed, channel, source, medium, campaign, content, term) AS origin, 1 /* narrowed */ AS origin_chosen
        FROM events
        WHERE site = {site:String} AND kind = 'conversion' AND machine = 0 AND order_id != ''
          AND order_id GLOBAL IN
          (
              SELECT order_id FROM events
              WHERE site = {site:String} AND kind = 'refund' AND machine = 0
                AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
                AND local_day BETWEEN {from:Date} AND {to:Date}
          )
        ORDER BY time, toString(event_id)
        LIMIT 1 BY order_id
    ) AS sold_before ON sold_before.order_id = refunded.of_order
    WHERE if(known, origin_chosen, own_chosen)
)
GROUP BY day, bucket, place, in_currency
