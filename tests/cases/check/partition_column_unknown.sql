-- error: E0510
-- at: 13:17
-- message: PARTITIONED BY names `contry`
-- message: did you mean `country`?
-- file: events/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, user_id STRING, n INT, ts TIMESTAMP, tags ARRAY<STRING>,
  home STRUCT<city: STRING, zip: STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW t
PARTITIONED BY (contry)
AS SELECT id, home.city AS country FROM events;
