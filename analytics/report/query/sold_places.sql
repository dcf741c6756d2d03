-- What the hashes {places} of sold.sql stand for.
SELECT place, any(attributed), toString(any(channel)), toString(any(source)), toString(any(medium)), toString(any(campaign)), toString(any(content)), toString(any(term))
FROM sales
WHERE site = {site:String} AND kind = 'conversion' AND place IN {places:Array(UInt64)}
GROUP BY place
