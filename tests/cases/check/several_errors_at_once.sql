-- error: E0204
-- at: 9:39
-- error: E0105
-- at: 10:40
-- error: E0401
-- message: `evnts`
-- error: E0211
SET sluice.partitions = 4;
CREATE EXTERNAL TABLE events (user_id STRNG) STORED AS JSON LOCATION 'x';
CREATE TEMPORARY VIEW broken AS SELECT FROM events;
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT b.user_id FROM broken b JOIN evnts e ON e.user_id = b.user_id;
