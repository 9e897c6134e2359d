-- error: E0210
-- at: 9:46
-- message: at least 1MB
-- error: E0210
-- message: user_id, timestamp DESC
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t
  TBLPROPERTIES ('sluice.target_file_size' = '12', 'sluice.sort_by' = 'a, b DOWN')
AS SELECT user_id FROM events;
