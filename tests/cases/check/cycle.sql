-- error: E0402
-- at: ?
-- message: a → b → c → a
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE TEMPORARY VIEW a AS SELECT * FROM b JOIN events USING (user_id);
CREATE TEMPORARY VIEW b AS SELECT * FROM c;
CREATE OR REFRESH MATERIALIZED VIEW c AS
SELECT *
FROM events, a;
