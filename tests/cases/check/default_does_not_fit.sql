-- error: E0216
-- at: 8:38
-- message: whole number
-- error: E0216
-- message: must be a literal
-- error: E0216
-- message: did you mean `limit_a`?
DECLARE VARIABLE limit_a INT DEFAULT 'ten';
DECLARE VARIABLE day DATE DEFAULT current_date();
DECLARE VARIABLE limit_b INT = limt_a;
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
