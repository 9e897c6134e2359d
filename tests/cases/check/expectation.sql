-- error: E0303
-- at: 8:5
-- message: WHERE
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts
  ( PRIMARY KEY (user_id),
    CONSTRAINT some EXPECT (n > 0 AND user_id IN ('a', 'b')) ON VIOLATION DROP ROW )
AS SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
