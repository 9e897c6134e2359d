-- error: E0404
-- at: 8:28
-- message: did you mean `landing`?
-- error: E0404
-- message: declare it at the top
DECLARE VARIABLE landing STRING;
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION '${landng}/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT user_id, '${landing}/${region}' AS place FROM events;
