-- One row per page, smallest first, with how many visitors it and all the
-- smaller ones have together: what the fold needs. entries are the visits that
-- began on the page; only visitors who agreed to marketing have visits.
--
-- site: the site's id · from, to: local days, both included · only: the keys
-- of the groups to count, all where empty
WITH groups AS
(
    SELECT
        cityHash64(cityHash64(host), path) AS key, -- grouped by it: text takes half as long again
        concat(any(host), any(path)) AS page,
        uniqCombined64StateIf(14)(visitor, visitor != 0) AS people,
        finalizeAggregation(people) AS distinct_visitors,
        countIf(kind = 'visit') AS entries,
        toUInt64(count() - entries) AS views
    FROM events
    WHERE site = {site:String} AND kind IN ('page_view', 'visit') AND machine = 0
      AND indexHint(toDate(time) BETWEEN {from:Date} - 1 AND {to:Date} + 1)
      AND local_day BETWEEN {from:Date} AND {to:Date}
      AND 1 /* narrowed */
    GROUP BY key
    HAVING empty({only:Array(UInt64)}) OR has({only:Array(UInt64)}, key)
)
SELECT
    true AS consented, key, distinct_visitors,
    uniqCombined64Merge(14)(people) OVER
    (
        ORDER BY distinct_visitors, page
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS visitors_up_to_here,
    page,
    views, entries
FROM groups
