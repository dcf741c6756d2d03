-- On which local day each version of {site}'s banner was first seen, of those
-- that counters are still kept of.
SELECT toString(version), toInt32(min(day)) AS first_day
FROM notices
WHERE site = {site:String} AND version != ''
GROUP BY version
ORDER BY first_day, version
