-- Conversions of the days {from} to {to} of {site}, summed by day, by the hash of
-- where they came from, if that is asked for, and by currency; money in
-- ten-thousandths. The text is kept short: each expression more takes ClickHouse
-- as long to plan as some thousand rows to read.
--
-- From the events of sales and never from sums, because the same order can
-- arrive twice, by page and by server (each_sale.sql).
SELECT
    toInt32(day), toInt64({{bucket}}) AS bucket, {{place}} AS came_from, currency, count(), toInt64(sum(value) * 10000)
FROM
(
{{each_sale}})
WHERE day BETWEEN {from:Date} AND {to:Date} AND chosen
GROUP BY day, bucket, came_from, currency
-- sale is no part of the primary key, and looking for sales in it costs more than
-- the rest; nor is there a column that would spare reading the others.
SETTINGS use_index_for_in_with_subqueries = 0, optimize_move_to_prewhere = 0
