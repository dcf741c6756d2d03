-- How many hits were heard of in each hour between two moments, kept or
-- refused, by people or machines, in seconds since 1970.
SELECT hour, toInt64(sum(hits))
FROM
(
    SELECT toInt64(toUnixTimestamp(toStartOfHour(time))) AS hour, count() AS hits
    FROM events
    WHERE site = {site:String}
      AND toDate(time) BETWEEN toDate({since:DateTime('UTC')}) AND toDate({until:DateTime('UTC')})
      AND time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
    GROUP BY hour
    UNION ALL
    SELECT toInt64(toUnixTimestamp(hour)), sum(count)
    FROM refusals
    WHERE site = {site:String} AND hour >= {since:DateTime('UTC')} AND hour < {until:DateTime('UTC')}
    GROUP BY hour
)
GROUP BY hour
ORDER BY hour
