-- file: orders/a.json
--| {"id": 1, "at": "2024-05-01T10:03:00Z", "code": "10%", "address": {"city": "Rome", "zip": "1"}, "doc": "{\"a\": {\"b\": [5, 6]}}"}
--| {"id": 2, "at": "2024-05-01T10:07:00Z", "code": "100", "address": {"city": "Oslo"}, "doc": "{}"}
--| {"id": 3, "at": "2024-05-01T10:12:00Z", "code": "a_b", "address": null, "doc": null}
--| {"id": 4, "at": null, "code": null, "address": null, "doc": null}
-- result: windows
--| start | n
--| 2024-05-01T10:00:00Z | 2
--| 2024-05-01T10:10:00Z | 1
-- result: sliding
--| s | n
--| 09:55 | 1
--| 10:00 | 2
--| 10:05 | 2
--| 10:10 | 1
-- result: sessions
--| s | e | n
--| 10:03 | 10:11 | 2
--| 10:12 | 10:16 | 1
-- result: expanded
--| id | city | zip
--| 1 | Rome | 1
--| 2 | Oslo | NULL
--| 3 | NULL | NULL
--| 4 | NULL | NULL
-- result: matched
--| id
--| 1
--| 3
-- result: pairs
--| id
--| 1
--| 4
-- result: paths
--| id | b | c
--| 1 | 6 | NULL
--| 2 | NULL | 4
-- result: named
--| n | who
--| 1 | Rome
-- result: structs
--| id | s
--| 1 | {"id":1,"city":"Rome","col3":2}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE orders (id INT, at TIMESTAMP, code STRING, address STRUCT<city: STRING, zip: STRING>, doc STRING)
  STORED AS JSON LOCATION '${landing}/orders';
CREATE TEMPORARY FUNCTION twice(x INT) RETURNS INT RETURN x * 2;
CREATE TEMPORARY FUNCTION in_city(town STRING) RETURNS TABLE (n INT, who STRING)
  RETURN SELECT id, address.city FROM orders WHERE address.city = town;
CREATE OR REFRESH MATERIALIZED VIEW windows AS
SELECT window.start, count(*) AS n FROM orders GROUP BY window(at, '10 minutes');
CREATE OR REFRESH MATERIALIZED VIEW sliding AS
SELECT date_format(window(at, '10 minutes', '5 minutes').start, 'HH:mm') AS s, count(*) AS n
FROM orders GROUP BY window(at, '10 minutes', '5 minutes');
CREATE OR REFRESH MATERIALIZED VIEW sessions AS
SELECT date_format(session_window.start, 'HH:mm') AS s, date_format(session_window.end, 'HH:mm') AS e, count(*) AS n
FROM orders GROUP BY session_window(at, '4 minutes');
CREATE OR REFRESH MATERIALIZED VIEW expanded AS SELECT id, address.* FROM orders;
CREATE OR REFRESH MATERIALIZED VIEW matched AS
SELECT id FROM orders WHERE code LIKE '10!%' ESCAPE '!' OR code LIKE 'a!_b' ESCAPE '!';
CREATE OR REFRESH MATERIALIZED VIEW pairs AS
SELECT id FROM orders WHERE (id, code) IN ((1, '10%'), (4, NULL));
CREATE OR REFRESH MATERIALIZED VIEW paths AS
SELECT id, doc:a.b[1] AS b, nullif(twice(id), 2) AS c FROM orders WHERE id < 3;
CREATE OR REFRESH MATERIALIZED VIEW named AS SELECT * FROM in_city('Rome');
CREATE OR REFRESH MATERIALIZED VIEW structs AS
SELECT id, to_json(struct(id, address.city, id + 1)) AS s FROM orders WHERE id = 1;
