-- One row: all events, those that stand for nobody (opt_out, without
-- identifier), visitors and recipients. Who is known only by a consent that was
-- given in the time, or by a choice about mail that was made or stored in it, is
-- concerned as well.
--
-- site: the site's id · from, to: local days, both included · start, end: the
-- same as moments, the end left out
SELECT
    toInt64(countIf(is_event)) AS events,
    toInt64(countIf(is_event AND visitor = 0 AND recipient = 0)) AS anonymous,
    toInt64(uniqExactIf(visitor, visitor != 0)) AS visitors,
    toInt64(uniqExactIf(recipient, recipient != 0)) AS recipients
FROM
(
    SELECT visitor, recipient, true AS is_event
    FROM events
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
    UNION ALL
    SELECT subject AS visitor, toUInt64(0) AS recipient, false AS is_event
    FROM consents
    WHERE site = {site:String} AND time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')} AND subject != 0
    UNION ALL
    SELECT toUInt64(0) AS visitor, recipient, false AS is_event
    FROM mail_consents
    WHERE site = {site:String}
        AND (time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')} OR taken >= {start:DateTime64(3, 'UTC')} AND taken < {end:DateTime64(3, 'UTC')})
)
