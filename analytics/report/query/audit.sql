-- The newest lines of the audit log before a place in it, newest first.
--
-- sites: whose lines, all where empty · site, action: only these, '' is any ·
-- before: the time of the last line seen in ms, 0 for none · id: its id ·
-- lines: how many
SELECT time, actor, action, site, detail, toString(id)
FROM audit
WHERE (empty({sites:Array(String)}) OR has({sites:Array(String)}, toString(site)))
  AND ({site:String} = '' OR site = {site:String})
  AND ({action:String} = '' OR action = {action:String})
  AND ({before:Int64} = 0 OR (time, toString(id)) < (fromUnixTimestamp64Milli({before:Int64}, 'UTC'), {id:String}))
ORDER BY time DESC, toString(id) DESC
LIMIT {lines:UInt32}
