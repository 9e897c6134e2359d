-- error: E0209
-- at: 10:18
-- message: `sluice.target_file_size`
-- error: E0209
-- at: 10:51
-- message: did you mean `sluice.sort_by`?
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t
  TBLPROPERTIES ('delta.targetFileSize' = '64MB', 'sluice.sorted_by' = 'user_id', 'owner' = 'ann')
AS SELECT user_id FROM events;
