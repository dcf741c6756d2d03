-- The visits of those who converted on the days {from} to {to} of {site}, of the
-- {lookback} days before too, a row for each visitor, in no order. visits has 16
-- bytes for each: the hash of its place (attribution_places.sql) and its time in
-- milliseconds since 1970, the lowest byte first. The highest bit is set: zeros at
-- the end would be cut off.
--
-- A visit is one number until the end: lists of tuples take twice the time.
SELECT
    visitor,
    arrayStringConcat(arrayMap(
        visit -> reinterpretAsFixedString(visit),
        groupArray(bitShiftLeft(toUInt128(toUnixTimestamp64Milli(time)) + 0x8000000000000000, 64) + cityHash64(cityHash64(source), cityHash64(medium), cityHash64(campaign), cityHash64(channel))))) AS visits
FROM touches
WHERE site = {site:String} AND machine = 0
  AND time >= toDateTime({from:Date} - 2, 'UTC') - toIntervalDay({lookback:Int64})
  AND time < toDateTime({to:Date} + 3, 'UTC')
  AND visitor GLOBAL IN
  (
      SELECT visitor FROM sales
      WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
        AND local_day BETWEEN {from:Date} AND {to:Date}
  )
GROUP BY visitor
-- Those who converted are everywhere among the visitors: an index that leads to
-- each of them leads to all of the table.
SETTINGS use_index_for_in_with_subqueries = 0, optimize_move_to_prewhere = 0
