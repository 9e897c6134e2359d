-- file: t/a.json
--| {"id": 1, "s": "Ab c", "n": 10, "x": 2.5}
--| {"id": 2, "s": null, "n": 20, "x": -1.5}
--| {"id": 3, "s": "éa", "n": null, "x": null}
-- result: texts
--| id | up | part | cat | joined | pad | word | trimmed | n | first | swapped
--| 1 | AB C | Ab | Ab c! | NULL | 001 | Ab | x | 4 | A | AB c
--| 2 | NULL | NULL | NULL | NULL | 002 | NULL | x | NULL | NULL | NULL
--| 3 | ÉA | éa | éa! | NULL | 003 | éa | x | 2 | é | éa
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING, n INT, x DOUBLE)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW texts AS
SELECT id, upper(s) AS up, substring(s, 1, 2) AS part, s || '!' AS cat, concat(s, NULL, 'x') AS joined,
       lpad(CAST(id AS STRING), 3, '0') AS pad, split_part(s, ' ', 1) AS word, trim('  x ') AS trimmed,
       length(s) AS n, left(s, 1) AS first, replace(s, 'b', 'B') AS swapped
FROM t;
