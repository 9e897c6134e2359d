-- error: E0510
-- at: 13:35
-- message: `sluice.sort_by` names `tz`
-- message: did you mean `ts`?
-- file: events/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, user_id STRING, n INT, ts TIMESTAMP, tags ARRAY<STRING>,
  home STRUCT<city: STRING, zip: STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW t
TBLPROPERTIES ('sluice.sort_by' = 'id, tz DESC')
AS SELECT id, ts FROM events;
