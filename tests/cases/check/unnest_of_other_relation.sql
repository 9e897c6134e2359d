-- error: E0509
-- at: 13:43
-- message: unnest in FROM cannot read the columns of other relations
-- message: LATERAL VIEW explode
-- file: events/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, user_id STRING, n INT, ts TIMESTAMP, tags ARRAY<STRING>,
  home STRUCT<city: STRING, zip: STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT id, u.tag FROM events AS e, unnest(e.tags) AS u (tag);
