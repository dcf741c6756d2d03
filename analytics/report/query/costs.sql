-- What was spent on the days {from} to {to} of {site}, by key and currency.
-- Money in ten-thousandths; the day only matters where a rate will.
SELECT
    if(currency = {currency:String}, toInt32(0), toInt32(day)) AS on_day,
    toString(currency) AS in_currency,
    toString(source) AS from_source, toString(medium) AS by_medium, toString(campaign) AS in_campaign,
    if({detail:UInt8} >= 1, toString(content), '') AS with_content,
    if({detail:UInt8} >= 2, toString(term), '') AS for_term,
    toInt64(sum(amount) * 10000) AS spent,
    toInt64(sum(impressions)) AS sum_impressions,
    toInt64(sum(clicks)) AS sum_clicks,
    toInt64(count()) AS uploaded
FROM ad_costs FINAL
WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date}
GROUP BY on_day, in_currency, from_source, by_medium, in_campaign, with_content, for_term
