-- file: t/a.json
--| {"id": 1, "as_text": "3", "as_decimal": "3.50", "as_double": "NaN"}
--| {"id": 2, "as_text": 3, "as_decimal": 3.5, "as_double": 1e3}
-- malformed: t=0
-- result: rows
--| id | n | as_text | as_decimal | as_double
--| 1 | 3 | 3 | 3.50 | NaN
--| 2 | 3 | 3 | 3.50 | 1000.0
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, as_text STRING, as_decimal DECIMAL(5, 2), as_double DOUBLE)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW rows AS
SELECT id, CAST(as_text AS INT) AS n, as_text, as_decimal, as_double FROM t;
