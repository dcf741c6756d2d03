-- What was spent on the days {from} to {to} of {site}, by key and currency.
-- Money in ten-thousandths; the day only matters where a rate will. content,
-- term: the columns, or '' where a campaign is one key.
SELECT
    if(currency = {currency:String}, toInt32(0), toInt32(day)) AS on_day,
    currency, source, medium, campaign, {{content}} AS d4, {{term}} AS d5,
    toInt64(sum(amount) * 10000), sum(impressions), sum(clicks), count()
FROM ad_costs FINAL
WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date}
GROUP BY on_day, currency, source, medium, campaign, d4, d5
