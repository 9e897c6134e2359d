-- error: E0501
-- at: 13:8
-- error: E0501
-- at: 15:8
-- file: events/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, user_id STRING, n INT, ts TIMESTAMP, tags ARRAY<STRING>,
  home STRUCT<city: STRING, zip: STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT idd FROM events;
CREATE OR REFRESH MATERIALIZED VIEW u AS
SELECT userr FROM events;
