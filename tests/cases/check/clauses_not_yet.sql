-- error: E0311
-- at: 12:40
-- message: list of columns
-- error: E0311
-- message: CLUSTER
-- error: E0311
-- message: one JSON object per line
-- error: E0311
-- message: PARTITIONED
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON LOCATION 'x' OPTIONS (multiLine true);
CREATE EXTERNAL TABLE parts (user_id STRING) STORED AS JSON PARTITIONED BY (day) LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW a (user_id STRING, n BIGINT) AS SELECT user_id, 1 FROM events;
CREATE OR REFRESH MATERIALIZED VIEW b CLUSTER BY (user_id) AS SELECT user_id FROM events;
