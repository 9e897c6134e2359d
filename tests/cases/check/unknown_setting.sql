-- error: E0211
-- at: 6:5
-- message: would change the results
-- error: E0211
-- message: did you mean `sluice.target_file_size`?
SET spark.sql.ansi.enabled = false;
SET sluice.target_filesize = 128MB;
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
