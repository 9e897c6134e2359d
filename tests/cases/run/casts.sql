-- file: t/a.json
--| {"id": 1, "s": "12"}
--| {"id": 2, "s": "x"}
-- result: tried
--| id | n | text | flag | day
--| 1 | 12 | 1 | true | 2024-05-31
--| 2 | NULL | 2 | true | 2024-05-31
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW tried AS
SELECT id, TRY_CAST(s AS INT) AS n, id::STRING AS text, CAST('true' AS BOOLEAN) AS flag, DATE '2024-05-31' AS day
FROM t;
