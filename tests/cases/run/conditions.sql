-- file: t/a.json
--| {"id": 1, "s": "Ab c", "n": 10, "x": 2.5}
--| {"id": 2, "s": null, "n": 20, "x": -1.5}
--| {"id": 3, "s": "éa", "n": null, "x": null}
-- result: picked
--| id | sign | big | text | nul | either | most | branch
--| 1 | up | small | Ab c | NULL | Ab c | 15 | one
--| 2 | down | big | - | 20 | 20 | 20 | other
--| 3 | none | small | éa | NULL | éa | 15 | other
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING, n INT, x DOUBLE)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW picked AS
SELECT id,
       CASE WHEN x > 0 THEN 'up' WHEN x < 0 THEN 'down' ELSE 'none' END AS sign,
       if(n > 10, 'big', 'small')      AS big,
       nvl(s, '-')                     AS text,
       nullif(n, 10)                   AS nul,
       coalesce(s, CAST(n AS STRING))  AS either,
       greatest(n, 15)                 AS most,
       CASE id WHEN 1 THEN 'one' ELSE 'other' END AS branch
FROM t;
