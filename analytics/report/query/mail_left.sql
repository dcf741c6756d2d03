-- How many recipients of {site} unsubscribed on the days {from} to {to},
-- whatever they said later. What they said names no campaign.
SELECT toInt64(uniqExact(recipient))
FROM mail_consents
WHERE site = {site:String} AND mailing = 2 AND toDate(time, {zone:String}) BETWEEN {from:Date} AND {to:Date}
