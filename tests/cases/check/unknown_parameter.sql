-- param: landing=/data
-- param: glod=/gold
-- error: E0408
-- at: none
-- message: did you mean `--gold`?
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING DEFAULT '/gold';
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT user_id, gold FROM events;
