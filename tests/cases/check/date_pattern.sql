-- error: E0509
-- at: 12:24
-- message: has w, which counts by weeks
-- file: events/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, user_id STRING, n INT, ts TIMESTAMP, tags ARRAY<STRING>,
  home STRUCT<city: STRING, zip: STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT date_format(ts, 'yyyy-ww') AS q FROM events;
