-- What is kept in the console for {site}, of one kind, oldest first; one of it
-- where {id} is given.
SELECT toString(kind), id, name, toString(owner), toInt32(day), body, created, expires
FROM console_state FINAL
WHERE site = {site:String} AND kind = {kind:String} AND deleted = 0 AND ({id:String} = '' OR id = {id:String})
ORDER BY day, created, id
