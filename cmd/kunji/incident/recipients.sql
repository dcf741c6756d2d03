-- One row per mail recipient concerned: by an event of theirs, or by a choice
-- that was made or stored in the time; with the sender's refs, sealed, where they
-- left by a mail's link at any time.
--
-- site: the site's id · from, to: local days, both included · start, end: the
-- same as moments, the end left out
SELECT recipient, groupUniqArrayIf(ref, ref != '') AS refs
FROM
(
    SELECT DISTINCT recipient, '' AS ref, true AS concerned
    FROM events
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date} AND recipient != 0
    UNION ALL
    SELECT recipient, sealed AS ref,
        time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')} OR taken >= {start:DateTime64(3, 'UTC')} AND taken < {end:DateTime64(3, 'UTC')} AS concerned
    FROM mail_consents
    WHERE site = {site:String} AND (concerned OR sealed != '')
)
GROUP BY recipient
HAVING max(concerned)
ORDER BY recipient
