-- error: E0514
-- at: 18:102
-- message: `n` is BIGINT in the query
-- message: CAST
-- error: E0514
-- message: the query has no column `missing`
-- error: E0514
-- message: does not declare the column `extra`
-- error: E0514
-- message: `id` is STRING in this flow and BIGINT in another
-- file: events/a.json
--| {"id": 1, "user_id": "a"}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, user_id STRING, items ARRAY<STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE MATERIALIZED VIEW ok (n BIGINT, user_id STRING) AS SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
CREATE MATERIALIZED VIEW counts (user_id STRING COMMENT 'who', n INT) AS SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
CREATE STREAMING TABLE lacks (id BIGINT, missing STRING) AS SELECT id FROM STREAM events;
CREATE STREAMING TABLE more (id BIGINT) AS SELECT id, user_id AS extra FROM STREAM events;
CREATE STREAMING TABLE two;
CREATE FLOW a AS INSERT INTO two BY NAME SELECT id FROM STREAM events;
CREATE FLOW b AS INSERT INTO two BY NAME SELECT user_id AS id FROM STREAM events;
