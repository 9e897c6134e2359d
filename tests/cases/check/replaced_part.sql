-- error: E0515
-- at: 26:45
-- message: names no column of the table
-- message: MATERIALIZED VIEW
-- error: E0515
-- message: another one each time
-- error: E0501
-- at: 28:45
-- message: no column `dya` here
-- error: E0406
-- message: `at` is both a variable and a column of the table
-- error: E0506
-- error: E0505
-- file: events/a.json
--| {"id": 1, "day": "2026-01-01", "n": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE at DATE DEFAULT DATE '2026-01-01';
DECLARE VARIABLE one INT DEFAULT 1;
CREATE EXTERNAL TABLE events (id BIGINT, day DATE, n INT, items ARRAY<INT>, home STRUCT<at: DATE>)
  STORED AS JSON LOCATION '${landing}/events';
-- Nothing is wrong with this one.
CREATE STREAMING TABLE ok FLOW REPLACE WHERE day >= date_sub(current_date(), 7) AND n = one
  AND ok.id IS NOT NULL BY NAME SELECT * FROM events;

CREATE STREAMING TABLE a FLOW REPLACE WHERE one = 1 BY NAME SELECT * FROM events;
CREATE STREAMING TABLE b FLOW REPLACE WHERE n < rand() BY NAME SELECT * FROM events;
CREATE STREAMING TABLE c FLOW REPLACE WHERE dya = '2026-01-01' BY NAME SELECT * FROM events;
CREATE STREAMING TABLE d FLOW REPLACE WHERE n = 1 AND at = day BY NAME
  SELECT id, day, n, home.* FROM events;
CREATE STREAMING TABLE e FLOW REPLACE WHERE items > 1 BY NAME SELECT * FROM events;
CREATE STREAMING TABLE f FLOW REPLACE WHERE sum(n) = 1 BY NAME SELECT * FROM events;
