-- file: t/a.json
--| {"k": 0, "id": 0}
--| {"k": 1, "id": 1}
--| {"k": 2, "id": 2}
--| {"k": 0, "id": 3}
--| {"k": 1, "id": 4}
-- file: t/b.json
--| {"k": 2, "id": 5}
--| {"k": 0, "id": 6}
--| {"k": 1, "id": 7}
--| {"k": 2, "id": 8}
-- result: x
--| k | id
--| 0 | 6
--| 1 | 7
--| 2 | 8
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (k INT, id INT) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW x AS
SELECT k, id FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY id DESC) = 1;
