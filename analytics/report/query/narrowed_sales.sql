-- What sales has, of chosen events: it stands in its place in statements whose
-- filters it does not know.
SELECT
    *,
    if(order_id = '', reinterpretAsUInt128(event_id), reinterpretAsUInt128(sipHash128(order_id))) AS sale,
    cityHash64(attributed, channel, source, medium, campaign, content, term) AS place
FROM events
WHERE kind IN ('conversion', 'refund')
