-- Conversions of the days {from} to {to} of {site}, summed by day, by the hash of
-- where they came from, if that is asked for, and by currency; money in
-- ten-thousandths. The text is kept short: each expression more takes ClickHouse
-- as long to plan as some thousand rows to read.
--
-- From the events of sales and never from sums, because the same order can
-- arrive twice, by page and by server. Each sale counts once, as its earliest
-- conversion has it, which may lie outside the range; GLOBAL: or on another shard
-- than the row that repeats it. Half of the hash finds it: what more it finds is
-- another sale. LIMIT BY instead of argMin: argMin of a tuple
-- takes twice the time.
SELECT
    toInt32(day), toInt64({{bucket}}) AS bucket, {{place}} AS came_from, currency, count(), toInt64(sum(value) * 10000)
FROM
(
    SELECT time, local_day AS day, place, value, currency, 1 /* narrowed */ AS chosen
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
GROUP BY day, bucket, came_from, currency
-- sale is no part of the primary key, and looking for sales in it costs more than
-- the rest; nor is there a column that would spare reading the others.
SETTINGS use_index_for_in_with_subqueries = 0, optimize_move_to_prewhere = 0
