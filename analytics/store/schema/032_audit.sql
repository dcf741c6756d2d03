-- Who did what, and when: sign-ins and what changes or hands out data. No
-- address, no password, no name that is not an account's. Two years are kept.
CREATE TABLE IF NOT EXISTS audit{{onCluster}}
(
    time   DateTime64(3, 'UTC'),
    actor  LowCardinality(String), -- a user or "token NAME"; empty where nobody is known
    action LowCardinality(String), -- signed_in, sign_in_failed, sign_in_held, signed_out, costs_uploaded, rates_uploaded
    site   LowCardinality(String), -- empty where it is about none
    detail String,                 -- counts and names of columns, in plain words
    id     UUID
)
ENGINE = {{engine "MergeTree"}}
PARTITION BY toYear(time)
ORDER BY (time, id)
TTL toDateTime(time) + INTERVAL 2 YEAR
SETTINGS {{deduplicate}}, fsync_after_insert = 1, fsync_part_directory = 1;
