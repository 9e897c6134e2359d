-- error: E0513
-- at: 31:92
-- message: aggregation over a stream
-- message: materialized view
-- error: E0513
-- message: DISTINCT over a stream
-- error: E0513
-- message: window
-- error: E0513
-- message: ORDER BY over a stream
-- error: E0513
-- message: LIMIT over a stream
-- error: E0513
-- message: a join of two streams
-- error: E0513
-- message: a stream on the right of a left join
-- error: E0513
-- message: a union of a stream and a relation that is read as a whole
-- error: E0513
-- message: a stream in a subquery
-- file: events/a.json
--| {"id": 1, "user_id": "a", "items": ["x"]}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, user_id STRING, items ARRAY<STRING>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE TEMPORARY VIEW ids AS SELECT DISTINCT id FROM events;
CREATE STREAMING TABLE ok AS SELECT e.id, explode(items) AS item FROM STREAM events e
  LEFT JOIN ids ON e.id = ids.id WHERE e.id IN (SELECT id FROM ids)
  UNION ALL SELECT id, user_id FROM STREAM(events);
CREATE STREAMING TABLE groups AS SELECT user_id, count(*) AS n FROM STREAM events GROUP BY user_id;
CREATE STREAMING TABLE uniques AS SELECT DISTINCT user_id FROM STREAM events;
CREATE STREAMING TABLE numbered AS SELECT id, rank() OVER (ORDER BY id) AS r FROM STREAM events;
CREATE STREAMING TABLE sorted AS SELECT id FROM STREAM events ORDER BY id;
CREATE STREAMING TABLE few AS SELECT id FROM STREAM events LIMIT 3;
CREATE STREAMING TABLE pairs AS SELECT a.id FROM STREAM events a JOIN STREAM events b ON a.id = b.id;
CREATE STREAMING TABLE lefts AS SELECT e.id FROM ids LEFT JOIN STREAM events e ON e.id = ids.id;
CREATE STREAMING TABLE mixed AS SELECT id FROM STREAM events UNION ALL SELECT id FROM events;
CREATE STREAMING TABLE nested AS SELECT id FROM STREAM events WHERE id IN (SELECT e.id FROM STREAM events e);
