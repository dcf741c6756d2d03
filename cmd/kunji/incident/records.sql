-- The ids of all consent records concerned: those that events stand on, and
-- those that were made in the time, each once.
--
-- site: the site's id · from, to: local days, both included · start, end: the
-- same as moments, the end left out
SELECT DISTINCT toString(record) AS record_id
FROM
(
    SELECT consent_record AS record
    FROM events
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date} AND notEmpty(consent_record)
    UNION ALL
    SELECT id AS record
    FROM consents
    WHERE site = {site:String} AND time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')} AND notEmpty(id)
)
ORDER BY record_id
