-- error: E0513
-- at: 25:71
-- message: a later row would replace an earlier one
-- message: AUTO CDC
-- error: E0513
-- message: whose rows are filtered, joined, united or unnested afterwards
-- error: E0513
-- message: whose rows are filtered, joined, united or unnested afterwards
-- error: E0513
-- message: whose key is not among the columns of the table
-- error: E0513
-- message: an empty text is stored as NULL
-- error: E0513
-- message: `two` keeps one row of each key, and `pairs` has other flows
-- error: E0513
-- message: a window function over a stream
-- file: events/a.json
--| {"id": 1, "user_id": "a", "items": ["x"]}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, user_id STRING, items ARRAY<STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE STREAMING TABLE ok AS SELECT upper(user_id) AS u, id FROM STREAM events WHERE id > 0
  QUALIFY row_number() OVER (PARTITION BY upper(user_id) ORDER BY id NULLS LAST) = 1;
CREATE STREAMING TABLE newest AS SELECT id FROM STREAM events QUALIFY row_number() OVER (PARTITION BY id ORDER BY user_id DESC) = 1;
CREATE TEMPORARY VIEW firsts AS SELECT * FROM STREAM events QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY id) = 1;
CREATE STREAMING TABLE filtered AS SELECT user_id FROM STREAM firsts WHERE id > 3;
CREATE STREAMING TABLE unnested AS SELECT user_id, explode(items) AS item FROM STREAM firsts;
CREATE STREAMING TABLE keyless AS SELECT id FROM STREAM firsts;
CREATE STREAMING TABLE folders PARTITIONED BY (user_id) AS SELECT id, user_id FROM STREAM firsts;
CREATE STREAMING TABLE pairs AS SELECT id, user_id FROM STREAM events;
CREATE FLOW two AS INSERT INTO pairs BY NAME SELECT id, user_id FROM STREAM firsts;
CREATE STREAMING TABLE several AS SELECT id FROM STREAM events QUALIFY row_number() OVER (PARTITION BY id ORDER BY id) <= 2;
