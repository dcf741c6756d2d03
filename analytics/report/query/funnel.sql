-- How many visitors came how far on the days {from} to {to} of {site}: a row
-- per number of steps done in order within {window} milliseconds. The
-- conditions are put in by funnel.go, from a fixed set, with what people write
-- as parameters. One event does one step; where it may fit two, by ClickHouse's
-- strict_once, which takes half as long again.
--
-- An event that is no step is left out before anything is grouped (measured: where
-- one page in ten is one, a fifth of the time). Who never did the second step came
-- no further than the first, in whatever order: the ways of few are looked at, and
-- the others only counted.
SELECT toInt64(1) AS steps, toInt64(uniqExact(visitor))
FROM events
WHERE site = {site:String} AND machine = 0 AND visitor != 0
  AND indexHint(toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1)
  AND local_day BETWEEN {from:Date} AND {to:Date}
  AND 1 /* narrowed */
  AND {{first}}
UNION ALL
SELECT toInt64(level) AS steps, toInt64(count())
FROM
(
    SELECT
        visitor,
        windowFunnel({window:UInt64}{{mode}})(toUInt64(toUnixTimestamp64Milli(time)), {{conditions}}) AS level
    FROM events
    WHERE site = {site:String} AND machine = 0 AND visitor != 0
      AND kind IN {kinds:Array(String)} AND ({{any}})
      AND 1 /* narrowed */
      AND indexHint(toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1)
      AND local_day BETWEEN {from:Date} AND {to:Date}
      AND visitor GLOBAL IN
      (
          SELECT visitor FROM events
          WHERE site = {site:String} AND machine = 0 AND visitor != 0
            AND indexHint(toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1)
            AND local_day BETWEEN {from:Date} AND {to:Date}
            AND {{second}}
      )
    GROUP BY visitor
)
WHERE level > 1
GROUP BY level
-- Visitors are no part of the primary key, and looking for them in it costs more
-- than the rest; nor is there a column that would spare reading the others.
SETTINGS use_index_for_in_with_subqueries = 0, optimize_move_to_prewhere = 0
