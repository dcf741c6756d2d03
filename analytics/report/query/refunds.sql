-- Refunds of the days {from} to {to} of {site}, each once, on its own day, where
-- its order's conversion came from; where that is not known, its own place.
-- Summed as sold.sql does, but with names: few have a row on these days by which
-- the others name their places.
SELECT
    toInt32(day), toInt64({{bucket}}) AS bucket,
    any(names).1, any(names).2, any(names).3, any(names).4, any(names).5, any(names).6, any(names).7,
    toString(currency) AS in_currency,
    toInt64(count()), toInt64(sum(value) * 10000)
FROM
(
    SELECT time, day, if(known, origin, own) AS place, if(known, origin_names, own_names) AS names, value, currency
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
        ORDER BY time, event_id
        LIMIT 1 BY sale
    ) AS sold_before USING (sale)
    WHERE if(known, origin_chosen, own_chosen)
)
GROUP BY day, bucket, place, in_currency
SETTINGS use_index_for_in_with_subqueries = 0
