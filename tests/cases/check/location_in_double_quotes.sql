-- error: E0104
-- at: 4:66
-- message: single quotes
CREATE EXTERNAL TABLE events (id STRING) STORED AS JSON LOCATION "data/events";
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
