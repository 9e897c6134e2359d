-- error: E0414
-- at: 18:64
-- message: a materialized view reads whole relations
-- error: E0414
-- message: the view `v` is a stream
-- message: write `STREAM v`
-- error: E0414
-- message: the view `whole` is no stream
-- error: E0414
-- message: reads no stream
-- message: INSERT ONCE
-- error: E0414
-- message: every run replaces its rows
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE TEMPORARY VIEW v AS SELECT * FROM STREAM events;
CREATE TEMPORARY VIEW whole AS SELECT * FROM events;
CREATE MATERIALIZED VIEW a AS SELECT user_id AS id FROM STREAM(events);
CREATE STREAMING TABLE b AS SELECT * FROM STREAM events JOIN v USING (event_id);
CREATE STREAMING TABLE c AS SELECT * FROM STREAM whole;
CREATE STREAMING TABLE d AS SELECT * FROM events;
CREATE STREAMING TABLE e AS SELECT * FROM STREAM m;
CREATE MATERIALIZED VIEW m AS SELECT user_id FROM events;
