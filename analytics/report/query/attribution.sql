-- The conversions of the days {from} to {to} of {site}, each sale once, as its
-- earliest conversion has it, which may lie outside the range (sold.sql): who, when
-- in milliseconds since 1970, how much in ten-thousandths; earliest first. The visits
-- that led to them are asked for beside it (attribution_visits.sql): a join of the
-- two would be done on one processor, and take longer than both.
SELECT visitor, toUnixTimestamp64Milli(time) AS at, toInt32(day), toInt64(value * 10000), toString(currency)
FROM
(
    SELECT visitor, time, event_id, local_day AS day, value, currency, 1 /* narrowed */ AS chosen
    FROM sales
    WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
      AND toUInt64(sale) GLOBAL IN
      (
          SELECT toUInt64(sale) FROM sales
          WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
            AND local_day BETWEEN {from:Date} AND {to:Date}
      )
    ORDER BY time, event_id
    LIMIT 1 BY sale
)
WHERE day BETWEEN {from:Date} AND {to:Date} AND chosen
ORDER BY at, event_id
SETTINGS use_index_for_in_with_subqueries = 0, optimize_move_to_prewhere = 0
