-- file: clicks/a.json
--| {"k": "a", "at": 1, "v": "first"}
--| {"k": "a", "at": 3, "v": "third"}
--| {"k": null, "at": 2, "v": "n2"}
--| {"k": "b", "at": 5, "v": "tie1"}
-- file: clicks/b.json
--| {"k": "a", "at": 2, "v": "second"}
--| {"k": "b", "at": 5, "v": "tie2"}
--| {"k": null, "at": 1, "v": "n1"}
--| {"k": "c", "at": null, "v": "null time"}
-- result: ranked
--| v | rank | dense | before | running | total
--| n1 | 2 | 2 | NULL | 1 | 2
--| n2 | 4 | 3 | 1 | 3 | 2
--| first | 2 | 2 | NULL | 1 | 3
--| second | 4 | 3 | 1 | 3 | 3
--| third | 6 | 4 | 2 | 5 | 3
--| tie1 | 7 | 5 | NULL | 5 | 2
--| tie2 | 7 | 5 | 5 | 10 | 2
--| null time | 1 | 1 | NULL | NULL | 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE clicks (k STRING, at INT, v STRING)
  STORED AS JSON LOCATION '${landing}/clicks';
CREATE OR REFRESH MATERIALIZED VIEW ranked AS
SELECT v,
       rank()       OVER (ORDER BY at) AS rank,
       dense_rank() OVER (ORDER BY at) AS dense,
       lag(at)      OVER w             AS before,
       sum(at)      OVER (PARTITION BY k ORDER BY at, v ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS running,
       count(*)     OVER (PARTITION BY k) AS total
FROM clicks
WINDOW w AS (PARTITION BY k ORDER BY at, v);
