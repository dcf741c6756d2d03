-- How many of the visitors who were first seen in a week came back in which
-- week: a row per week of the cohort (a Monday) and weeks since. First seen is
-- over all that the store holds, so that an old visitor is new nowhere.
SELECT
    toInt32(cohort) AS first_week,
    toInt64((week - cohort) / 7) AS weeks_later,
    toInt64(count())
FROM
(
    SELECT arraySort(groupUniqArray(toMonday(local_day))) AS weeks, weeks[1] AS cohort
    FROM events
    WHERE site = {site:String} AND machine = 0 AND visitor != 0 AND kind IN ('page_view', 'visit')
      AND local_day <= {to:Date} AND toDate(time) <= {to:Date} + 1
      AND 1 /* narrowed */
    GROUP BY visitor
    HAVING cohort >= toMonday({from:Date})
)
ARRAY JOIN weeks AS week
WHERE week - cohort <= 7 * {weeks:UInt8}
GROUP BY first_week, weeks_later
