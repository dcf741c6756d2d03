-- The conversions of the days {from} to {to} of {site}, each sale once
-- (each_sale.sql), by day and currency. sold has 24 bytes for each: who, when in
-- milliseconds since 1970, how much in ten-thousandths, the lowest byte first. The
-- visits that led to them are asked for beside it (attribution_visits.sql): a join
-- of the two would be done on one processor, and take longer than both.
SELECT
    toInt32(day), toString(currency),
    arrayStringConcat(groupArray(concat(
        reinterpretAsFixedString(visitor),
        reinterpretAsFixedString(toUnixTimestamp64Milli(time)),
        reinterpretAsFixedString(toInt64(value * 10000))))) AS sold
FROM
(
{{each_sale}})
WHERE day BETWEEN {from:Date} AND {to:Date} AND chosen
GROUP BY day, currency
ORDER BY day, currency
SETTINGS use_index_for_in_with_subqueries = 0, optimize_move_to_prewhere = 0 -- as in sold.sql
