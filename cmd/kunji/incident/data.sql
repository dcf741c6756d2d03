-- One row per kind of data: in how many events it stands, and of how many
-- people. Consents and choices about mail stand in no event.
--
-- site: the site's id · from, to: local days, both included · start, end: the
-- same as moments, the end left out
SELECT
    arrayJoin(sorts) AS sort,
    toInt64(countIf(is_event)) AS events,
    toInt64(uniqExactIf((visitor, recipient), visitor != 0 OR recipient != 0)) AS people
FROM
(
    SELECT visitor, recipient, true AS is_event, arrayFilter(name -> name != '', [
        if(visitor != 0, 'visitor number', ''),
        if(recipient != 0, 'keyed hash of a mail address', ''),
        if(path != '', 'pages read', ''),
        if(attributed, 'campaign and source', ''),
        if(name != '' OR notEmpty(props), 'named events and their properties', ''),
        if(order_id != '', 'order numbers', ''),
        if(value != 0, 'amounts', ''),
        if(country != '' OR region != '', 'country and region', ''),
        if(isp != '', 'network operator', ''),
        if(language != '', 'language', ''),
        if(browser != '' OR os != '' OR device != '', 'browser, system and device class', '')
    ]) AS sorts
    FROM events
    WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
    UNION ALL
    SELECT subject AS visitor, toUInt64(0) AS recipient, false AS is_event, arrayFilter(name -> name != '', [
        'visitor number',
        'consents',
        if(country != '' OR region != '', 'country and region', ''),
        if(notice_language != '', 'language', ''),
        if(age != '', 'whether of age', '')
    ]) AS sorts
    FROM consents
    WHERE site = {site:String} AND time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')} AND subject != 0
    UNION ALL
    SELECT toUInt64(0) AS visitor, recipient, false AS is_event, arrayFilter(name -> name != '', [
        'keyed hash of a mail address',
        'choices about mail',
        if(proof != '', 'proof of a choice about mail', ''),
        if(sealed != '', 'sealed ref and list of the sender', '')
    ]) AS sorts
    FROM mail_consents
    WHERE site = {site:String}
        AND (time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')} OR taken >= {start:DateTime64(3, 'UTC')} AND taken < {end:DateTime64(3, 'UTC')})
)
GROUP BY sort
ORDER BY people DESC, sort
