-- The site's sums by local day, and first, as day 0, of all days together.
-- Conversions and refunds as in campaigns.sql.
WITH
    orders AS
    (
        SELECT order_id, if(order_id = '', event_id, toUUID('00000000-0000-0000-0000-000000000000')) AS alone,
            argMin((local_day, value, currency), (time, toString(event_id))) AS first
        FROM events
        WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
          AND (order_id != '' OR local_day BETWEEN {from:Date} AND {to:Date})
          AND (order_id = '' OR order_id GLOBAL IN
              (
                  SELECT order_id FROM events
                  WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
                    AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
                    AND local_day BETWEEN {from:Date} AND {to:Date}
              ))
        GROUP BY order_id, alone
    ),
    refunded AS
    (
        SELECT event_id, any(local_day) AS on_day, any(value) AS amount, any(currency) AS unit
        FROM events
        WHERE site = {site:String} AND kind = 'refund' AND machine = 0
          AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
          AND local_day BETWEEN {from:Date} AND {to:Date}
        GROUP BY event_id
    ),
    parts AS
    (
        SELECT local_day, impressions, clicks, visits, page_views, visitors,
            0 AS conversions, toInt64(0) AS value, toInt64(0) AS refunds, 0 AS other_currencies
        FROM campaign_day
        WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
        UNION ALL
        SELECT first.1, 0, 0, 0, 0, arrayReduce('uniqCombined64State(14)', emptyArrayUInt64()),
            1, if(first.3 IN ('', {currency:String}), toInt64(first.2 * 10000), 0), 0, first.3 NOT IN ('', {currency:String})
        FROM orders
        WHERE first.1 BETWEEN {from:Date} AND {to:Date}
        UNION ALL
        SELECT on_day, 0, 0, 0, 0, arrayReduce('uniqCombined64State(14)', emptyArrayUInt64()),
            0, 0, if(unit IN ('', {currency:String}), toInt64(amount * 10000), 0), unit NOT IN ('', {currency:String})
        FROM refunded
    )
SELECT
    toInt32(local_day) AS on_day,
    toInt64(sum(impressions)), toInt64(sum(clicks)), toInt64(sum(visits)), toInt64(sum(page_views)),
    toInt64(uniqCombined64Merge(14)(visitors)),
    toInt64(sum(conversions)), sum(value), sum(refunds), toInt64(sum(other_currencies))
FROM parts
GROUP BY ROLLUP(on_day)
ORDER BY on_day
