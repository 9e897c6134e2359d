-- error: E0509
-- at: 13:8
-- message: monotonically_increasing_id is not supported
-- message: row_number() OVER (ORDER BY
-- file: events/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, user_id STRING, n INT, ts TIMESTAMP, tags ARRAY<STRING>,
  home STRUCT<city: STRING, zip: STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT monotonically_increasing_id() AS u FROM events;
