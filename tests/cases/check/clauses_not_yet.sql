-- error: E0311
-- at: 10:39
-- message: SCHEDULE
-- error: E0311
-- message: one JSON object per line
-- error: E0311
-- message: PARTITIONED
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON LOCATION 'x' OPTIONS (multiLine true);
CREATE EXTERNAL TABLE parts (user_id STRING) STORED AS JSON PARTITIONED BY (day) LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW b SCHEDULE EVERY 1 HOUR AS SELECT user_id FROM events;
