-- One row per kind of data: in how many events it stands, and of how many
-- people.
--
-- site: the site's id · from, to: local days, both included
SELECT
    arrayJoin(arrayFilter(name -> name != '', [
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
    ])) AS sort,
    toInt64(count()) AS events,
    toInt64(uniqExactIf((visitor, recipient), visitor != 0 OR recipient != 0)) AS people
FROM events
WHERE site = {site:String} AND local_day BETWEEN {from:Date} AND {to:Date}
GROUP BY sort
ORDER BY people DESC, sort
