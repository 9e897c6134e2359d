-- error: E0515
-- at: 25:47
-- message: names no column of the table
-- message: MATERIALIZED VIEW
-- error: E0515
-- message: another one each time
-- error: E0501
-- at: 27:45
-- message: no column `dya` here
-- error: E0406
-- message: `at` is both a variable and a column of the table
-- error: E0506
-- error: E0505
-- error: E0515
-- message: more than a condition
DECLARE VARIABLE at DATE DEFAULT DATE '2026-01-01';
DECLARE VARIABLE one INT DEFAULT 1;
CREATE EXTERNAL TABLE events (id BIGINT, day DATE, n INT, items ARRAY<INT>)
  STORED AS JSON LOCATION 'data/events';
-- Nothing is wrong with this one.
CREATE STREAMING TABLE ok FLOW REPLACE WHERE day >= date_sub(current_date(), 7) AND n = one
  AND ok.id IS NOT NULL BY NAME SELECT * FROM events;

CREATE STREAMING TABLE a FLOW REPLACE WHERE one = 1 BY NAME SELECT * FROM events;
CREATE STREAMING TABLE b FLOW REPLACE WHERE n < rand() BY NAME SELECT * FROM events;
CREATE STREAMING TABLE c FLOW REPLACE WHERE dya = '2026-01-01' BY NAME SELECT * FROM events;
CREATE STREAMING TABLE d FLOW REPLACE WHERE n = 1 AND at = day BY NAME
  SELECT t.* FROM (SELECT *, day AS `at` FROM events) AS t;
CREATE STREAMING TABLE e FLOW REPLACE WHERE items > 1 BY NAME SELECT * FROM events;
CREATE STREAMING TABLE f FLOW REPLACE WHERE sum(n) = 1 BY NAME SELECT * FROM events;
CREATE STREAMING TABLE g FLOW REPLACE WHERE explode(items) = 1 BY NAME SELECT * FROM events;
