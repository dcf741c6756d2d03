-- What visitor_days has, of chosen events: it stands in its place in statements
-- whose filters it does not know.
SELECT site, visitor, local_day
FROM events
WHERE site = {site:String} AND kind IN ('page_view', 'visit') AND machine = 0 AND visitor != 0
  AND toDate(time) <= {to:Date} + 1
  AND 1 /* narrowed */
