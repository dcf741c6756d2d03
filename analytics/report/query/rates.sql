-- What one unit of each currency was worth in the site's own, in
-- hundred-millionths, from a day on: all that can count up to {to}.
SELECT toString(currency) AS of_currency, toInt32(day) AS from_day, toInt64(worth)
FROM rates FINAL
WHERE site = {site:String} AND day <= {to:Date}
ORDER BY of_currency, from_day
