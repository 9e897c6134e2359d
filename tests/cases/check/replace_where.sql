-- error: E0416
-- at: 31:17
-- message: has a subquery
-- error: E0416
-- message: has a window function
-- error: E0416
-- at: 34:13
-- message: which another flow writes to
-- message: the flow `more` is on line 35
-- error: E0416
-- at: 36:80
-- message: reads a stream
-- message: leave STREAM out
-- error: E0416
-- message: `days` is no stream
-- error: E0406
-- message: `kind` is both a variable and a column here
-- error: E0404
-- message: nope
DECLARE VARIABLE day DATE DEFAULT DATE '2026-01-01';
DECLARE VARIABLE kind STRING DEFAULT 'a';
CREATE EXTERNAL TABLE events (at DATE, kind STRING, n INT) STORED AS JSON LOCATION 'data/events';
-- Nothing is wrong with these.
CREATE STREAMING TABLE days FLOW REPLACE WHERE at = day BY NAME SELECT * FROM events;
CREATE STREAMING TABLE kinds PARTITIONED BY (kind);
CREATE FLOW of_kind COMMENT 'one' AS INSERT INTO kinds BY NAME
  REPLACE WHERE kinds.kind = '${kind}' AND at < now() SELECT * FROM events;

CREATE STREAMING TABLE t;
CREATE FLOW a AS INSERT INTO t
  REPLACE WHERE at IN (SELECT max(at) FROM events) BY NAME SELECT * FROM events;
CREATE STREAMING TABLE u FLOW REPLACE WHERE row_number() OVER (ORDER BY at) = 1 BY NAME FROM events;
CREATE STREAMING TABLE v;
CREATE FLOW one AS INSERT INTO v REPLACE WHERE n = 1 BY NAME SELECT * FROM events;
CREATE FLOW more AS INSERT INTO v BY NAME SELECT * FROM STREAM events;
CREATE STREAMING TABLE w FLOW REPLACE WHERE n = 1 BY NAME SELECT * FROM STREAM events;
CREATE STREAMING TABLE x AS SELECT * FROM STREAM days;
CREATE STREAMING TABLE y FLOW REPLACE WHERE kind = 'b' BY NAME SELECT * FROM events;
CREATE STREAMING TABLE z FLOW REPLACE WHERE n = '${nope}' BY NAME SELECT * FROM events;
