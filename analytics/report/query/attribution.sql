-- The way to each conversion of the days {from} to {to} of {site}: who, how
-- much, and the visits that led to it within {lookback} days, oldest first.
-- Each visit is named by the hash of its place (attribution_places.sql) and by
-- how long it was before the conversion, in milliseconds.
--
-- LEFT JOIN: a conversion without a visit is one too. sold is read twice, which
-- costs less than reading every visitor's touches: conversions lie together.
WITH sold AS
(
    -- Each order once, as its earliest conversion has it, which may lie
    -- outside the range; without an order each conversion stands alone.
    SELECT visitor, toUnixTimestamp64Milli(time) AS at, event_id, toInt32(day) AS on_day, toInt64(value * 10000) AS amount, currency
    FROM
    (
        SELECT visitor, time, event_id, local_day AS day, value, currency, 1 /* narrowed */ AS chosen
        FROM events
        WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
          AND (order_id = '' AND local_day BETWEEN {from:Date} AND {to:Date}
              OR order_id != '' AND order_id GLOBAL IN
              (
                  SELECT order_id FROM events
                  WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
                    AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
                    AND local_day BETWEEN {from:Date} AND {to:Date}
              ))
        ORDER BY time, toString(event_id)
        LIMIT 1 BY order_id, if(order_id = '', event_id, toUUID('00000000-0000-0000-0000-000000000000'))
    )
    WHERE day BETWEEN {from:Date} AND {to:Date} AND chosen
)
SELECT
    visitor, on_day, amount, toString(currency),
    arrayMap(touch -> touch.3, way) AS places,
    arrayMap(touch -> at - touch.1, way) AS ages
FROM
(
    SELECT *, arrayFilter(touch -> touch.1 <= at AND touch.1 >= at - {lookback:Int64} * 86400000, touched) AS way
    FROM sold
    GLOBAL LEFT JOIN
    (
        SELECT
            visitor,
            arraySort(groupArray((toUnixTimestamp64Milli(time), event_id, cityHash64(source, medium, campaign, channel)))) AS touched
        FROM touches
        WHERE site = {site:String} AND machine = 0
          AND time >= toDateTime({from:Date} - 2, 'UTC') - toIntervalDay({lookback:Int64})
          AND time < toDateTime({to:Date} + 3, 'UTC')
          AND visitor GLOBAL IN (SELECT visitor FROM sold)
        GROUP BY visitor
    ) AS journeys USING (visitor)
)
ORDER BY at, toString(event_id)
