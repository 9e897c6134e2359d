-- ok
-- Its columns are found in its files.
CREATE EXTERNAL TABLE events STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM events;
