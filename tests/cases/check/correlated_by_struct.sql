-- error: E0509
-- message: compare a field
-- file: events/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, user_id STRING, n INT, ts TIMESTAMP, tags ARRAY<STRING>,
  home STRUCT<city: STRING, zip: STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT id, (SELECT max(n) FROM events AS b WHERE b.home = a.home AND b.n < a.n) AS other FROM events AS a;
