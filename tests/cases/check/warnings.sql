-- ok
-- warning: W0401
-- message: `other`
-- warning: W0402
-- message: `v`
-- warning: W0403
-- message: `unused`
-- warning: W0404
-- message: QUALIFY
DECLARE VARIABLE unused INT DEFAULT 1;
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE EXTERNAL TABLE other (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE TEMPORARY VIEW v AS SELECT 1 AS one;
CREATE OR REFRESH MATERIALIZED VIEW t (PRIMARY KEY (user_id)) AS SELECT user_id FROM events;
