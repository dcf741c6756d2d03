-- A batch of a backlog is 128,000 rows, 17 MB. ClickHouse would write its part with
-- two files for each of 46 columns, and flush every one of them to the disk; in one
-- file the insert takes two thirds of the time (measured). What merges make of such
-- parts is larger, and has a file for each column again.
ALTER TABLE events{{onCluster}} MODIFY SETTING min_bytes_for_wide_part = 67108864;
