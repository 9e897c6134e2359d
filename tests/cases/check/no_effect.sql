-- ok
-- warning: W0405
-- at: 12:1
-- message: this job only
-- warning: W0405
-- message: USE has no effect
-- warning: W0405
-- message: use `sluice.shuffle_partitions`
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
USE CATALOG main;
CREATE VIEW v AS SELECT * FROM events;
SET spark.sql.shuffle.partitions = 8;
USE SCHEMA shop;
CREATE OR REFRESH MATERIALIZED VIEW n AS SELECT count(*) AS n FROM v;
