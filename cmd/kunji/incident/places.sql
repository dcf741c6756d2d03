-- One row per country and region: how many people were last seen there. Each
-- person stands in one row only, so that the rows add up to all of them and
-- small ones can be folded. A choice about mail has no place, and hides none.
--
-- site: the site's id · from, to: local days, both included · start, end: the
-- same as moments, the end left out
SELECT
    tupleElement(place, 1) AS in_country,
    tupleElement(place, 2) AS in_region,
    toInt64(sum(n)) AS events,
    toInt64(count()) AS people
FROM
(
    SELECT argMax((in_c, in_r), (seen, at)) AS place, countIf(is_event) AS n
    FROM
    (
        SELECT visitor, recipient, toString(country) AS in_c, toString(region) AS in_r, true AS seen, time AS at, true AS is_event
        FROM events
        WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date} AND (visitor != 0 OR recipient != 0)
        UNION ALL
        SELECT subject AS visitor, toUInt64(0) AS recipient, toString(country) AS in_c, toString(region) AS in_r, true AS seen, time AS at, false AS is_event
        FROM consents
        WHERE site = {site:String} AND time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')} AND subject != 0
        UNION ALL
        SELECT toUInt64(0) AS visitor, recipient, '' AS in_c, '' AS in_r, false AS seen, taken AS at, false AS is_event
        FROM mail_consents
        WHERE site = {site:String}
            AND (time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')} OR taken >= {start:DateTime64(3, 'UTC')} AND taken < {end:DateTime64(3, 'UTC')})
    )
    GROUP BY visitor, recipient
)
GROUP BY in_country, in_region
ORDER BY people, in_country, in_region
