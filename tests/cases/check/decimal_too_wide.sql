-- error: E0204
-- at: 4:61
-- message: 1 to 38 digits
CREATE EXTERNAL TABLE events (user_id STRING, price DECIMAL(40, 2)) STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
