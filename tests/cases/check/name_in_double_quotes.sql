-- error: E0104
-- at: 5:37
-- message: names are quoted with backquotes
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON LOCATION "data/events";
CREATE OR REFRESH MATERIALIZED VIEW "counts" AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
