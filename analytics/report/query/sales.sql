-- Conversions and refunds of the days {from} to {to} of {site}, summed by day
-- and by where they came from and in which currency; money in ten-thousandths.
--
-- From the events of sales and never from sums, because the same order can
-- arrive twice, by page and by server. GLOBAL: a sale's earliest conversion may
-- lie on another shard than the row that repeats it. LIMIT BY instead of argMin:
-- argMin of a tuple takes twice the time.
SELECT
    toInt32(day),
    -- 0, or in seconds since 1970 the minute or local hour of it
    multiIf(
        {bucket:String} = 'hour', toInt64(toUnixTimestamp(time)) - toMinute(toTimeZone(time, {zone:String})) * 60 - toSecond(time),
        {bucket:String} = 'minute', toInt64(toUnixTimestamp(time)) - toSecond(time),
        toInt64(0)) AS bucket,
    any(names).1 AS consented, any(names).2 AS channel, any(names).3 AS source, any(names).4 AS medium, any(names).5 AS campaign,
    any(names).6 AS content, any(names).7 AS term,
    toString(currency) AS in_currency,
    toInt64(countIf(sold)) AS conversions,
    toInt64(countIf(NOT sold)) AS refunded,
    sumIf(amount, sold) AS value,
    sumIf(amount, NOT sold) AS refunds
FROM
(
    -- Each sale once, as its earliest conversion has it, which may lie outside
    -- the range.
    SELECT true AS sold, time, day, place, names, toInt64(value * 10000) AS amount, currency
    FROM
    (
        SELECT time, local_day AS day, place, (attributed, channel, source, medium, campaign, content, term) AS names, value, currency, 1 /* narrowed */ AS chosen
        FROM sales
        WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
          AND (local_day BETWEEN {from:Date} AND {to:Date}
              OR sale GLOBAL IN
              (
                  SELECT sale FROM sales
                  WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
                    AND local_day BETWEEN {from:Date} AND {to:Date}
              ))
        ORDER BY time, UUIDToNum(event_id)
        LIMIT 1 BY sale
    )
    WHERE day BETWEEN {from:Date} AND {to:Date} AND chosen
    UNION ALL
    -- Each refund once, on its own day, where its order's conversion stands;
    -- where that is not known, its own place.
    SELECT false, time, day, if(known, origin, own), if(known, origin_names, own_names), toInt64(value * 10000), currency
    FROM
    (
        SELECT time, local_day AS day, place AS own, (attributed, channel, source, medium, campaign, content, term) AS own_names, value, currency, sale, 1 /* narrowed */ AS own_chosen
        FROM sales
        WHERE site = {site:String} AND kind = 'refund' AND machine = 0
          AND local_day BETWEEN {from:Date} AND {to:Date}
        LIMIT 1 BY event_id
    ) AS refunded
    GLOBAL LEFT JOIN
    (
        SELECT sale, true AS known, place AS origin, (attributed, channel, source, medium, campaign, content, term) AS origin_names, 1 /* narrowed */ AS origin_chosen
        FROM sales
        WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
          AND sale GLOBAL IN
          (
              SELECT sale FROM sales
              WHERE site = {site:String} AND kind = 'refund' AND machine = 0
                AND local_day BETWEEN {from:Date} AND {to:Date}
          )
        ORDER BY time, UUIDToNum(event_id)
        LIMIT 1 BY sale
    ) AS sold_before USING (sale)
    WHERE if(known, origin_chosen, own_chosen)
)
GROUP BY day, bucket, place, in_currency
