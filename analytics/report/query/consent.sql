-- How often banners were shown and what was chosen, by country, device, language
-- and version of the banner, on the days {from} to {to} of {site}. There is no
-- row per person in notices.
SELECT
    toString(country), toString(device), toString(language), toString(version),
    toInt64(sumIf(count, outcome = 'shown')),
    toInt64(sumIf(count, outcome = 'accepted')),
    toInt64(sumIf(count, outcome = 'rejected')),
    toInt64(sumIf(count, outcome = 'saved')),
    toInt64(sumIf(count, outcome = 'withdrawn')),
    toInt64(sumIf(count, outcome = 'gpc'))
FROM notices
WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date}
  AND 1 /* narrowed */
GROUP BY country, device, language, version
