-- One row: all events, those that stand for nobody (opt_out, without
-- identifier), visitors and recipients.
--
-- site: the site's id · from, to: local days, both included
SELECT
    toInt64(count()) AS events,
    toInt64(countIf(visitor = 0 AND recipient = 0)) AS anonymous,
    toInt64(uniqExactIf(visitor, visitor != 0)) AS visitors,
    toInt64(uniqExactIf(recipient, recipient != 0)) AS recipients
FROM events
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
