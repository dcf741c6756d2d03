-- Those of erasing_recipients who have said a new yes since they asked, and when:
-- what is of that time and later stays. In memory alone, as that table is.
CREATE TABLE IF NOT EXISTS erasing_returned{{onCluster}}
(
    site      LowCardinality(String),
    recipient UInt64,
    since     DateTime('UTC')
)
ENGINE = {{engine "Memory"}};
