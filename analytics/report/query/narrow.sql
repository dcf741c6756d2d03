-- How many people a narrowed report is about: a row with 0 for the events that
-- fit every condition, and one with its number for each condition that alone
-- leaves events out.
SELECT toInt64(if(missing = 0, 0, indexOf(met, 0))) AS left_out_by, toInt64(uniqCombined64If(14)(person, person != 0))
FROM
(
    SELECT
        [{{conditions}}] AS met,
        length(met) - arraySum(met) AS missing,
        if(visitor != 0, visitor, recipient) AS person
    FROM {{events}}
    WHERE site = {site:String} AND kind IN {kinds:Array(String)} AND machine = 0
      AND indexHint(toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1)
      AND local_day BETWEEN {from:Date} AND {to:Date}
)
WHERE missing <= 1
GROUP BY left_out_by
