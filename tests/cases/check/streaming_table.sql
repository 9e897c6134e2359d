-- ok
-- warning: W0404
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE TEMPORARY VIEW recent AS SELECT * FROM STREAM events WHERE quantity > 0;
CREATE OR REFRESH STREAMING TABLE IF NOT EXISTS bought (
  event_id STRING NOT NULL COMMENT 'unique', day DATE, PRIMARY KEY (event_id))
USING DELTA PARTITIONED BY (day) COMMENT 'what was bought' TBLPROPERTIES ('sluice.sort_by' = 'event_id')
AS SELECT event_id, CAST(timestamp AS DATE) AS day FROM STREAM(events) AS e;
CREATE STREAMING TABLE all_events;
CREATE FLOW events_now COMMENT 'from one topic' AS INSERT INTO all_events BY NAME SELECT * FROM STREAM recent;
CREATE FLOW events_before AS INSERT INTO ONCE all_events BY NAME SELECT * FROM events;
CREATE FLOW events_once AS INSERT ONCE INTO all_events SELECT * FROM events;
CREATE STREAMING TABLE some_events FLOW INSERT BY NAME SELECT * FROM STREAM recent;
CREATE MATERIALIZED VIEW counts REFRESH POLICY AUTO AS SELECT count(*) AS n FROM bought;
