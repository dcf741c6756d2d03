-- One row per kind of event: how many events there are and how many people they
-- stand for, a visitor and a recipient each under their own pseudonym.
--
-- site: the site's id · from, to: local days, both included
SELECT
    toString(kind) AS sort,
    toInt64(count()) AS events,
    toInt64(uniqExactIf((visitor, recipient), visitor != 0 OR recipient != 0)) AS people
FROM events
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
GROUP BY sort
ORDER BY people DESC, sort
