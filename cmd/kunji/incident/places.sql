-- One row per country and region: how many people were last seen there. Each
-- person stands in one row only, so that the rows add up to all of them and
-- small ones can be folded.
--
-- site: the site's id · from, to: local days, both included
SELECT
    tupleElement(place, 1) AS in_country,
    tupleElement(place, 2) AS in_region,
    toInt64(sum(n)) AS events,
    toInt64(count()) AS people
FROM
(
    SELECT argMax((toString(country), toString(region)), time) AS place, count() AS n
    FROM events
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date} AND (visitor != 0 OR recipient != 0)
    GROUP BY visitor, recipient
)
GROUP BY in_country, in_region
ORDER BY people, in_country, in_region
