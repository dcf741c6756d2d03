-- How many visitors came how far on the days {from} to {to} of {site}: a row
-- per number of steps done in order within {window} milliseconds. The
-- conditions are put in by funnel.go, from a fixed set, with what people write
-- as parameters. strict_once: one event does one step, though it fits two.
SELECT toInt64(level) AS steps, toInt64(count())
FROM
(
    SELECT
        visitor,
        windowFunnel({window:UInt64}, 'strict_once')(toUInt64(toUnixTimestamp64Milli(time)), {{conditions}}) AS level
    FROM events
    WHERE site = {site:String} AND machine = 0 AND visitor != 0
      AND kind IN {kinds:Array(String)}
      AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
      AND local_day BETWEEN {from:Date} AND {to:Date}
      AND 1 /* narrowed */
    GROUP BY visitor
)
WHERE level > 0
GROUP BY level
