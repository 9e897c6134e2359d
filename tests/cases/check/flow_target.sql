-- error: E0415
-- at: 16:30
-- message: unknown streaming table `evnts`
-- message: the streaming tables are
-- error: E0415
-- message: is not a streaming table
-- error: E0415
-- message: nothing writes to the streaming table `alone`
-- error: E0415
-- message: has two flows `f`
-- message: first declared on line 18
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP) STORED AS JSON LOCATION 'data/events';
CREATE STREAMING TABLE events_now AS SELECT * FROM STREAM events;
CREATE STREAMING TABLE alone;
CREATE MATERIALIZED VIEW m AS SELECT user_id FROM events;
CREATE FLOW f AS INSERT INTO evnts BY NAME SELECT * FROM STREAM events;
CREATE FLOW f AS INSERT INTO m BY NAME SELECT * FROM STREAM events;
CREATE FLOW f AS INSERT INTO events_now BY NAME SELECT * FROM STREAM events;
CREATE FLOW f AS INSERT INTO events_now BY NAME SELECT * FROM STREAM events;
