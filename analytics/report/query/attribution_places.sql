-- What the hashes of attribution_visits.sql stand for: every visit is in the sums by
-- day too.
SELECT
    cityHash64(cityHash64(source), cityHash64(medium), cityHash64(campaign), cityHash64(channel)) AS place,
    toString(any(source)), toString(any(medium)), toString(any(campaign)), toString(any(channel))
FROM campaign_day
WHERE site = {site:String} AND local_day BETWEEN {from:Date} - 3 - {lookback:Int64} AND {to:Date} + 3
GROUP BY place
