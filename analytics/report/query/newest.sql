-- When the newest event of a site happened, in milliseconds since 1970; 0 for
-- none. The rollup knows the last day, so that one day is read and not all.
SELECT toInt64(toUnixTimestamp64Milli(max(time)))
FROM events
WHERE site = {site:String}
  AND toDate(time) >= (SELECT max(local_day) FROM campaign_day WHERE site = {site:String}) - 1
