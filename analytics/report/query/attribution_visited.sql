-- What the hashes of attribution_visits.sql stand for, by the visits themselves.
SELECT
    cityHash64(cityHash64(source), cityHash64(medium), cityHash64(campaign), cityHash64(channel)) AS place,
    toString(any(source)), toString(any(medium)), toString(any(campaign)), toString(any(channel))
FROM touches
WHERE site = {site:String} AND machine = 0
  AND time >= toDateTime({from:Date} - 2, 'UTC') - toIntervalDay({lookback:Int64})
  AND time < toDateTime({to:Date} + 3, 'UTC')
GROUP BY place
