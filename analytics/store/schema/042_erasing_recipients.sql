-- The mail recipients that are being erased now, in memory alone, as the table
-- erasing holds visitors: nothing joins the two.
CREATE TABLE IF NOT EXISTS erasing_recipients{{onCluster}}
(
    site      LowCardinality(String),
    recipient UInt64
)
ENGINE = {{engine "Memory"}};
