-- How many of the visitors who were first seen in one of {cohorts} weeks from
-- the Monday {first} on were seen in which of the weeks after it: a row per week
-- of the cohort, from 1, and set of weeks, bit 0 its own. First seen is over all
-- that the store holds, so that an old visitor is new nowhere.
--
-- A visitor's weeks are the bits of a number: bit 0 is any time before, and the
-- lowest bit is the cohort. Lists of weeks take four times the time.
SELECT
    toInt64(cohort) AS nth_week,
    toInt64(bitAnd(bitShiftRight(weeks, cohort), bitShiftLeft(1, {followed:UInt8} + 1) - 1)) AS came,
    toInt64(count())
FROM
(
    SELECT
        groupBitOr(bitShiftLeft(toUInt64(1), if(local_day < {first:Date}, 0, toUInt8(intDiv(local_day - {first:Date}, 7)) + 1))) AS weeks,
        bitCount(bitXor(weeks, weeks - 1)) - 1 AS cohort
    FROM visitor_days
    WHERE site = {site:String} AND local_day <= least({to:Date}, {first:Date} + 7 * 63 - 1)
    GROUP BY visitor
    HAVING cohort BETWEEN 1 AND {cohorts:UInt8}
)
GROUP BY nth_week, came
-- Nearly every row is read: a column that would spare some is read for nothing.
SETTINGS optimize_move_to_prewhere = 0
