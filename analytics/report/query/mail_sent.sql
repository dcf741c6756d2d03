-- How many mails were made ready on the days {from} to {to} of {site}, by
-- campaign, and how many of them with a pixel or signed links.
SELECT
    toString(source) AS from_source, toString(campaign) AS in_campaign, toString(content) AS with_content,
    toInt64(sum(mails)) AS sent, toInt64(sumIf(mails, pixel = 1 OR links = 1)) AS tracked
FROM mail_sent
WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date}
GROUP BY from_source, in_campaign, with_content
