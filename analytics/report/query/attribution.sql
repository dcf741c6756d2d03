-- The way to each conversion of the days {from} to {to} of {site}: who, how
-- much, and the visits that led to it within {lookback} days, oldest first.
-- visits has 16 bytes for each: the hash of its place (attribution_places.sql)
-- and how long it was before the conversion, in milliseconds, the lowest byte
-- first. The highest bit is set: zeros at the end would be cut off.
--
-- A visit is one number until the end: its time, its id, its place, from the
-- left. Lists of tuples take twice the time to collect and to sort.
--
-- LEFT JOIN: a conversion without a visit is one too.
WITH sold AS
(
    -- Each sale once, as its earliest conversion has it, which may lie outside
    -- the range.
    SELECT visitor, toUnixTimestamp64Milli(time) AS at, event_id, toInt32(day) AS on_day, toInt64(value * 10000) AS amount, currency
    FROM
    (
        SELECT visitor, time, event_id, local_day AS day, value, currency, 1 /* narrowed */ AS chosen
        FROM sales
        WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
          AND (local_day BETWEEN {from:Date} AND {to:Date}
              OR sale GLOBAL IN
              (
                  SELECT sale FROM sales
                  WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
                    AND local_day BETWEEN {from:Date} AND {to:Date}
              ))
        ORDER BY time, UUIDToNum(event_id)
        LIMIT 1 BY sale
    )
    WHERE day BETWEEN {from:Date} AND {to:Date} AND chosen
)
SELECT
    visitor, on_day, amount, toString(currency),
    arrayStringConcat(arrayMap(
        touch -> reinterpretAsFixedString(bitShiftLeft(toUInt128(at - toInt64(bitShiftRight(touch, 192))) + 0x8000000000000000, 64) + toUInt64(bitAnd(touch, 0xffffffffffffffff))),
        way)) AS visits
FROM
(
    SELECT
        *,
        arrayFilter(touch -> touch >= bitShiftLeft(toUInt256(greatest(at - {lookback:Int64} * 86400000, 0)), 192) AND touch < bitShiftLeft(toUInt256(at + 1), 192), touched) AS way
    FROM sold
    GLOBAL LEFT JOIN
    (
        SELECT
            visitor,
            arraySort(groupArray(
                bitShiftLeft(toUInt256(toUnixTimestamp64Milli(time)), 192)
                + bitShiftLeft(toUInt256(reinterpretAsUInt128(event_id)), 64)
                + cityHash64(source, medium, campaign, channel))) AS touched
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
    ) AS journeys USING (visitor)
)
ORDER BY at, UUIDToNum(event_id)
