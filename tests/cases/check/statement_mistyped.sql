-- error: E0108
-- at: 4:1
-- message: did you mean `CREATE`?
CRAETE EXTERNAL TABLE events (id STRING) STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
