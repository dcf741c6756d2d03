-- What was heard of a site's tag lately: events since {since}, refusals of the
-- hours since then, what banners did on the local day {day}; and the newest
-- event of all.
SELECT 'event' AS part, toString(kind) AS kind, '' AS reason, toInt64(count()) AS n, toInt64(toUnixTimestamp64Milli(max(time))) AS newest
FROM events
WHERE site = {site:String} AND machine = 0
  AND toDate(time) >= toDate({since:DateTime('UTC')}) AND time >= {since:DateTime('UTC')}
GROUP BY kind
UNION ALL
SELECT 'machine', '', toString(machine_reason), toInt64(count()), toInt64(toUnixTimestamp64Milli(max(time)))
FROM events
WHERE site = {site:String} AND machine = 1
  AND toDate(time) >= toDate({since:DateTime('UTC')}) AND time >= {since:DateTime('UTC')}
GROUP BY machine_reason
UNION ALL
SELECT 'refusal', toString(kind), toString(reason), toInt64(sum(count)), toInt64(toUnixTimestamp(max(hour))) * 1000
FROM refusals
WHERE site = {site:String} AND hour >= toStartOfHour({since:DateTime('UTC')})
GROUP BY kind, reason
UNION ALL
SELECT 'notice', '', toString(outcome), toInt64(sum(count)), 0
FROM notices
WHERE site = {site:String} AND day = {day:Date}
GROUP BY outcome
