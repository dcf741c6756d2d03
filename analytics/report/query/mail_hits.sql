-- The opens and clicks of mails, as events, judged again now that their
-- neighbours are known: mail.Fold of the edge. Of one recipient's clicks on one
-- campaign, those on two or more links within a second are a scanner's, and so
-- are those within 10 seconds of a trap, both before and after. What a browser
-- fetched ahead and what was no GET tells nothing. Only what was a person's
-- changes.
--
-- The days go one further at both ends, so that a burst over midnight is whole.
SELECT * REPLACE
(
    toUInt8(machine = 1 OR (followed AND machine_reason = '' AND recipient != 0 AND
    (
        max(machine_reason = 'trap') OVER (mail RANGE BETWEEN 10000 PRECEDING AND 10000 FOLLOWING) = 1
        OR min(link) OVER (mail RANGE BETWEEN 1000 PRECEDING AND 1000 FOLLOWING)
            != max(link) OVER (mail RANGE BETWEEN 1000 PRECEDING AND 1000 FOLLOWING)
    ))) AS machine
)
FROM
(
    SELECT
        *,
        kind = 'mail_click' AND machine_reason NOT IN ('method', 'prefetch') AS followed,
        cityHash64(props['link']) AS link,
        toUnixTimestamp64Milli(time) AS ms
    FROM events
    WHERE site = {site:String} AND kind IN ('mail_open', 'mail_click')
      AND toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1
)
WINDOW mail AS (PARTITION BY recipient, source, campaign, followed ORDER BY ms)
