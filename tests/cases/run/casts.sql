-- file: t/a.json
--| {"id": 1, "s": "12", "at": "2024-05-31T20:15:00.5+02:00"}
--| {"id": 2, "s": "x", "at": "2024-05-31 20:15:00"}
-- result: tried
--| id | n | text | flag | day | at
--| 1 | 12 | 1 | true | 2024-05-31 | 2024-05-31T18:15:00.500Z
--| 2 | NULL | 2 | true | 2024-05-31 | 2024-05-31T20:15:00Z
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING, at STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW tried AS
SELECT id, TRY_CAST(s AS INT) AS n, id::STRING AS text, CAST('true' AS BOOLEAN) AS flag, DATE '2024-05-31' AS day,
       CAST(at AS TIMESTAMP) AS at
FROM t;
