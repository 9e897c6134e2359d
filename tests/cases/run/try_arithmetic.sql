-- file: t/a.json
--| {"id": 1, "a": 2147483647, "b": 0, "s": "7"}
--| {"id": 2, "a": 7, "b": 2, "s": " 2.5 "}
--| {"id": 3, "a": null, "b": 1, "s": "x"}
-- result: tried
--| id | sum | difference | product | quotient | rest | whole | number
--| 1 | NULL | 2147483647 | 0 | NULL | NULL | 7 | 7.0
--| 2 | 9 | 5 | 14 | 3.5 | 1 | NULL | 2.5
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, a INT, b INT, s STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW tried AS
SELECT id, try_add(a, if(b = 0, a, b)) AS sum, try_subtract(a, b) AS difference, try_multiply(a, b) AS product,
       try_divide(a, b) AS quotient, try_mod(a, b) AS rest, TRY_CAST(s AS INT) AS whole,
       TRY_CAST(s AS DOUBLE) AS number
FROM t;
