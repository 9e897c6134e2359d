-- error: E0105
-- at: 18:57
-- message: expected BY NAME and a query
-- error: E0416
-- message: on every run
-- error: E0305
-- message: by their keys
-- error: E0104
-- message: expected a condition
-- error: E0104
-- message: expected `WHERE`
-- error: E0105
-- error: E0104
-- message: expected a query
CREATE EXTERNAL TABLE events (at DATE, kind STRING, n INT) STORED AS JSON LOCATION 'data/events';
CREATE STREAMING TABLE t;
CREATE FLOW a AS INSERT INTO t
  REPLACE WHERE n = 1 AND kind = 'it''s' AND at IS NULL BU NAME SELECT * FROM events;
CREATE FLOW b AS INSERT ONCE INTO t REPLACE WHERE n = 1 BY NAME SELECT * FROM events;
CREATE FLOW c AS INSERT INTO t REPLACE USING (n) BY NAME SELECT * FROM events;
CREATE STREAMING TABLE d FLOW REPLACE WHERE BY NAME SELECT * FROM events;
CREATE FLOW e AS INSERT INTO t REPLACE n = 1 BY NAME SELECT * FROM events;
CREATE FLOW f AS INSERT INTO t REPLACE WHERE n = BY NAME SELECT * FROM events;
CREATE STREAMING TABLE g FLOW REPLACE WHERE n = 1 BY NAME;
