-- error: E0301
-- at: 7:1
-- message: not yet supported
-- message: MATERIALIZED VIEW
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH STREAMING TABLE transactions AS
SELECT * FROM STREAM events;
CREATE OR REFRESH MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM transactions;
