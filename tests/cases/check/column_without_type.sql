-- error: E0104
-- at: 4:49
-- message: expected a type
CREATE EXTERNAL TABLE events (id STRING, user_id) STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
