-- error: E0311
-- at: 10:55
-- message: `days(…)` is an expression
-- error: E0311
-- message: one JSON object per line
-- error: E0311
-- message: PARTITIONED
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON LOCATION 'x' OPTIONS (multiLine true);
CREATE EXTERNAL TABLE parts (user_id STRING) STORED AS JSON PARTITIONED BY (day) LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW b PARTITIONED BY (days(user_id)) AS SELECT user_id FROM events;
