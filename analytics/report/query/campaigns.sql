-- One row per campaign, smallest first, with how many visitors it and all the
-- smaller ones have together: what the fold needs.
--
-- site, currency: the site's · from, to: local days, both included · only: the
-- keys of the groups to count, all where empty
--
-- Sums and visitors come from the rollup; conversions and refunds from events,
-- because the same order can arrive twice. GLOBAL: the earliest conversion of
-- an order may lie on another shard than the row that repeats it.
WITH
    -- Every order that the range touches, as its earliest conversion has it,
    -- which may lie outside the range. Without an order each conversion is one.
    orders AS
    (
        SELECT
            order_id,
            if(order_id = '', event_id, toUUID('00000000-0000-0000-0000-000000000000')) AS alone,
            argMin((local_day, attributed, channel, source, medium, campaign, value, currency), (time, toString(event_id))) AS first
        FROM events
        WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
          AND (order_id != '' OR local_day BETWEEN {from:Date} AND {to:Date})
          AND (order_id = '' OR order_id GLOBAL IN
              (
                  SELECT order_id FROM events
                  WHERE site = {site:String} AND kind IN ('conversion', 'refund') AND machine = 0
                    AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
                    AND local_day BETWEEN {from:Date} AND {to:Date}
              ))
        GROUP BY order_id, alone
    ),
    -- Refunds of the range, each event once.
    refunded AS
    (
        SELECT
            event_id,
            any(order_id) AS of_order,
            any((attributed, channel, source, medium, campaign)) AS own,
            any(value) AS amount,
            any(currency) AS unit
        FROM events
        WHERE site = {site:String} AND kind = 'refund' AND machine = 0
          AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
          AND local_day BETWEEN {from:Date} AND {to:Date}
        GROUP BY event_id
    ),
    -- A refund stands in the row of its order's conversion, and in its own
    -- where that is not known.
    refunds AS
    (
        SELECT
            if(known, first, own) AS place,
            amount,
            unit
        FROM refunded
        GLOBAL LEFT JOIN
        (
            SELECT order_id, true AS known, (first.2, first.3, first.4, first.5, first.6) AS first
            FROM orders
            WHERE order_id != ''
        ) AS known_orders ON known_orders.order_id = refunded.of_order
    ),
    parts AS
    (
        SELECT
            attributed, channel, source, medium, campaign,
            impressions, clicks, visits, visitors,
            0 AS conversions, toInt64(0) AS value, toInt64(0) AS refunds, 0 AS refund_count, 0 AS other_currencies
        FROM campaign_day
        WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
        UNION ALL
        SELECT
            first.2, first.3, first.4, first.5, first.6,
            0, 0, 0, arrayReduce('uniqCombined64State(14)', emptyArrayUInt64()),
            1, if(first.8 IN ('', {currency:String}), toInt64(first.7 * 10000), 0), 0, 0, first.8 NOT IN ('', {currency:String})
        FROM orders
        WHERE first.1 BETWEEN {from:Date} AND {to:Date}
        UNION ALL
        SELECT
            place.1, place.2, place.3, place.4, place.5,
            0, 0, 0, arrayReduce('uniqCombined64State(14)', emptyArrayUInt64()),
            0, 0, if(unit IN ('', {currency:String}), toInt64(amount * 10000), 0), 1, unit NOT IN ('', {currency:String})
        FROM refunds
    ),
    groups AS
    (
        SELECT
            attributed AS consented,
            multiIf(NOT attributed, '', source != '', source, channel) AS from_source,
            if(attributed, medium, '') AS by_medium,
            if(attributed, campaign, '') AS in_campaign,
            sum(impressions) AS sum_impressions,
            sum(clicks) AS sum_clicks,
            sum(visits) AS sum_visits,
            sum(conversions) AS sum_conversions,
            sum(value) AS sum_value,
            sum(refunds) AS sum_refunds,
            sum(refund_count) AS sum_refund_count,
            sum(other_currencies) AS sum_other_currencies,
            uniqCombined64MergeState(14)(visitors) AS people
        FROM parts
        GROUP BY consented, from_source, by_medium, in_campaign
    )
SELECT
    consented, cityHash64(consented, from_source, by_medium, in_campaign) AS key,
    toInt64(finalizeAggregation(people)) AS distinct_visitors,
    toInt64(uniqCombined64Merge(14)(people) OVER
    (
        ORDER BY distinct_visitors, consented, from_source, by_medium, in_campaign
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )) AS visitors_up_to_here,
    toInt64(sum_other_currencies) AS amounts_in_other_currencies,
    from_source, by_medium, in_campaign,
    toInt64(sum_impressions), toInt64(sum_clicks), toInt64(sum_visits),
    toInt64(sum_conversions), sum_value, sum_refunds
FROM groups
WHERE (empty({only:Array(UInt64)}) OR has({only:Array(UInt64)}, key))
  AND sum_impressions + sum_clicks + sum_visits + distinct_visitors + sum_conversions + sum_refund_count > 0
ORDER BY distinct_visitors, consented, from_source, by_medium, in_campaign
