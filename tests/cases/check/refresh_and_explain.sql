-- error: E0308
-- at: 23:1
-- message: option of the run
-- message: --refresh bought`
-- error: E0308
-- at: 24:1
-- message: --full-refresh Bought`
-- error: E0308
-- at: 25:1
-- message: --full-refresh counts`
-- error: E0308
-- at: 26:1
-- message: REFRESH is not supported
-- error: E0308
-- at: 27:1
-- message: EXPLAIN is not part of a job file
-- message: run the job with `--plan`
CREATE EXTERNAL TABLE events (event_id STRING, user_id STRING, quantity INT)
  STORED AS JSON LOCATION 'data/events';
CREATE STREAMING TABLE bought AS SELECT * FROM STREAM events WHERE quantity > 0;
CREATE MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM bought;
CREATE MATERIALIZED VIEW sums AS SELECT sum(n) AS n FROM explained;
REFRESH STREAMING TABLE bought;
REFRESH STREAMING TABLE Bought FULL;
REFRESH MATERIALIZED VIEW counts FULL;
REFRESH TABLE bought;
EXPLAIN CREATE MATERIALIZED VIEW explained AS SELECT count(*) AS n FROM bought;
