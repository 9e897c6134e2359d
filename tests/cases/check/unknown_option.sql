-- error: E0207
-- at: 7:12
-- message: did you mean `mode`?
-- error: E0207
-- message: `header`
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON LOCATION 'x'
  OPTIONS (mod 'failfast', header true);
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
