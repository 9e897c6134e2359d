-- error: E0205
-- at: 4:47
-- message: STRUCT<raw: STRING
CREATE EXTERNAL TABLE events (user_id STRING, _corrupt_record INT) STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
