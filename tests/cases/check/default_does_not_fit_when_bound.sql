-- param: base=ten
-- error: E0216
-- at: 5:32
DECLARE VARIABLE base STRING;
DECLARE VARIABLE n INT DEFAULT '${base}';
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT user_id FROM events LIMIT n;
