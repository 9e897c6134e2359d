-- file: big/a.json
--| {"k": 1, "id": 1}
--| {"k": 1, "id": 2}
--| {"k": 2, "id": 3}
-- file: big/b.json
--| {"k": 2, "id": 4}
--| {"k": 3, "id": 5}
--| {"k": 1, "id": 6}
-- file: small/a.json
--| {"k": 1, "name": "one"}
--| {"k": 2, "name": "two"}
-- result: numbered
--| k | id | name | n
--| 1 | 1 | one | 1
--| 1 | 2 | one | 2
--| 1 | 6 | one | 3
--| 2 | 3 | two | 1
--| 2 | 4 | two | 2
-- result: numbered_left
--| k | id | name | n
--| 1 | 1 | one | 1
--| 1 | 2 | one | 2
--| 1 | 6 | one | 3
--| 2 | 3 | two | 1
--| 2 | 4 | two | 2
--| 3 | 5 | NULL | 1
-- result: numbered_right
--| k | id | name | n
--| 1 | 1 | one | 1
--| 1 | 2 | one | 2
--| 1 | 6 | one | 3
--| 2 | 3 | two | 1
--| 2 | 4 | two | 2
-- result: numbered_semi
--| k | id | n
--| 1 | 1 | 1
--| 1 | 2 | 2
--| 1 | 6 | 3
--| 2 | 3 | 1
--| 2 | 4 | 2
-- result: latest
--| k | id
--| 1 | 6
--| 2 | 4
--| 3 | 5
-- result: running
--| name | id | s
--| one | 1 | 1
--| one | 2 | 3
--| one | 6 | 9
--| two | 3 | 3
--| two | 4 | 7
-- result: totals
--| name | s | least
--| one | 9 | 1
--| two | 7 | 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE big (k INT, id INT) STORED AS JSON LOCATION '${landing}/big';
CREATE EXTERNAL TABLE small (k INT, name STRING) STORED AS JSON LOCATION '${landing}/small';
CREATE OR REFRESH MATERIALIZED VIEW numbered AS
SELECT b.k, id, name, row_number() OVER (PARTITION BY b.k ORDER BY id) AS n
FROM big b JOIN small s ON b.k = s.k;
CREATE OR REFRESH MATERIALIZED VIEW numbered_left AS
SELECT b.k, id, name, row_number() OVER (PARTITION BY b.k ORDER BY id) AS n
FROM big b LEFT JOIN small s ON b.k = s.k;
CREATE OR REFRESH MATERIALIZED VIEW numbered_right AS
SELECT b.k, id, name, row_number() OVER (PARTITION BY s.k ORDER BY id) AS n
FROM big b RIGHT JOIN small s ON b.k = s.k;
CREATE OR REFRESH MATERIALIZED VIEW numbered_semi AS
SELECT k, id, row_number() OVER (PARTITION BY k ORDER BY id) AS n
FROM big WHERE k IN (SELECT k FROM small);
CREATE OR REFRESH MATERIALIZED VIEW latest AS
SELECT k, id FROM big QUALIFY row_number() OVER (PARTITION BY k ORDER BY id DESC) = 1;
CREATE OR REFRESH MATERIALIZED VIEW running AS
SELECT name, id, sum(id) OVER (PARTITION BY name ORDER BY id) AS s
FROM (SELECT k, id FROM big GROUP BY k, id) b
JOIN (SELECT k, max(name) AS name FROM small GROUP BY k) s ON b.k = s.k;
CREATE OR REFRESH MATERIALIZED VIEW totals AS
SELECT name, sum(id) AS s, first_value(id ORDER BY id) AS least
FROM big b JOIN small s ON b.k = s.k GROUP BY name;
