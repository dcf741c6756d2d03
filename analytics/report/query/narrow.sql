-- How many people a narrowed report is about, in all or in each step of it: a row
-- with 0 for the events that fit every condition, one with its number for each
-- condition that alone leaves events out, and of those that fit every one, a row
-- with a number after these for each of several values of a column that alone adds
-- events to the others.
SELECT toInt64({{at}}) AS at, toInt64(part) AS part, toInt64(uniqCombined64If(14)(person, person != 0))
FROM
(
    SELECT
        time, local_day,
        CAST([{{conditions}}] AS Array(UInt8)) AS met,
        CAST([{{values}}] AS Array(UInt8)) AS fits,
        length(met) - arraySum(met) AS missing,
        if(visitor != 0, visitor, recipient) AS person
    FROM {{events}}
    WHERE site = {site:String} AND kind IN {kinds:Array(String)} AND machine = 0
      AND indexHint(toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1)
      AND local_day BETWEEN {from:Date} AND {to:Date}{{within}}
      AND missing <= 1
)
ARRAY JOIN if(missing = 1, [indexOf(met, 0)],
    arrayConcat([0], arrayMap(i -> length(met) + i, arrayFilter((i, one) -> one, arrayEnumerate(fits), fits)))) AS part
GROUP BY at, part
