-- The conversions of the days {from} to {to} of {site}, each sale once
-- (each_sale.sql): who, when in milliseconds since 1970, how much in
-- ten-thousandths; earliest first. The visits that led to them are asked for beside
-- it (attribution_visits.sql): a join of the two would be done on one processor, and
-- take longer than both.
SELECT visitor, toUnixTimestamp64Milli(time) AS at, toInt32(day), toInt64(value * 10000), toString(currency)
FROM
(
{{each_sale}})
WHERE day BETWEEN {from:Date} AND {to:Date} AND chosen
ORDER BY at, event_id
SETTINGS use_index_for_in_with_subqueries = 0, optimize_move_to_prewhere = 0 -- as in sold.sql
