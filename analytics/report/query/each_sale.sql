    -- Each sale of the days {from} to {to} of {site} once, as its earliest conversion
    -- has it, which may lie outside the days; GLOBAL: or on another shard than the row
    -- that repeats it. Half of the hash finds it: what more it finds is another sale.
    -- LIMIT BY instead of argMin: argMin of a tuple takes twice the time.
    SELECT visitor, time, event_id, local_day AS day, place, value, currency, 1 /* narrowed */ AS chosen
    FROM sales
    WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
      AND toUInt64(sale) GLOBAL IN
      (
          SELECT toUInt64(sale) FROM sales
          WHERE site = {site:String} AND kind = 'conversion' AND machine = 0
            AND local_day BETWEEN {from:Date} AND {to:Date}
      )
    ORDER BY time, event_id
    LIMIT 1 BY sale
