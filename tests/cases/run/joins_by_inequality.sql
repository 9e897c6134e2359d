-- file: l/a.json
--| {"a": 1}
--| {"a": 5}
-- file: l/b.json
--| {"a": 9}
--| {"a": null}
-- file: r/a.json
--| {"lo": 0, "hi": 3}
--| {"lo": 4, "hi": 6}
-- file: r/b.json
--| {"lo": 4, "hi": 5}
--| {"lo": 20, "hi": 30}
-- result: inner_join
--| a | lo | hi
--| 1 | 0 | 3
--| 5 | 4 | 6
--| 5 | 4 | 5
-- result: left_join
--| a | lo | hi
--| 1 | 0 | 3
--| 5 | 4 | 6
--| 5 | 4 | 5
--| 9 | NULL | NULL
--| NULL | NULL | NULL
-- result: right_join
--| a | lo | hi
--| 1 | 0 | 3
--| 5 | 4 | 6
--| 5 | 4 | 5
--| NULL | 20 | 30
-- result: full_join
--| a | lo | hi
--| 1 | 0 | 3
--| 5 | 4 | 6
--| 5 | 4 | 5
--| 9 | NULL | NULL
--| NULL | NULL | NULL
--| NULL | 20 | 30
-- result: left_semi
--| a
--| 1
--| 5
-- result: left_anti
--| a
--| 9
--| NULL
-- result: left_of_groups
--| a | n
--| 1 | 1
--| 5 | 2
--| 9 | 0
--| NULL | 0
-- result: in_union
--| a
--| 1
--| 5
--| 5
--| 9
--| NULL
--| 0
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE l (a INT) STORED AS JSON LOCATION '${landing}/l';
CREATE EXTERNAL TABLE r (lo INT, hi INT) STORED AS JSON LOCATION '${landing}/r';
CREATE OR REFRESH MATERIALIZED VIEW inner_join AS
SELECT a, lo, hi FROM l JOIN r ON a BETWEEN lo AND hi;
CREATE OR REFRESH MATERIALIZED VIEW left_join AS
SELECT a, lo, hi FROM l LEFT JOIN r ON a BETWEEN lo AND hi;
CREATE OR REFRESH MATERIALIZED VIEW right_join AS
SELECT a, lo, hi FROM l RIGHT JOIN r ON a BETWEEN lo AND hi;
CREATE OR REFRESH MATERIALIZED VIEW full_join AS
SELECT a, lo, hi FROM l FULL JOIN r ON a BETWEEN lo AND hi;
CREATE OR REFRESH MATERIALIZED VIEW left_semi AS
SELECT a FROM l LEFT SEMI JOIN r ON a BETWEEN lo AND hi;
CREATE OR REFRESH MATERIALIZED VIEW left_anti AS
SELECT a FROM l LEFT ANTI JOIN r ON a BETWEEN lo AND hi;
CREATE OR REFRESH MATERIALIZED VIEW left_of_groups AS
SELECT a, count(lo) AS n FROM (SELECT a FROM l GROUP BY a) LEFT JOIN r ON a BETWEEN lo AND hi GROUP BY a;
CREATE OR REFRESH MATERIALIZED VIEW in_union AS
SELECT a FROM l LEFT JOIN r ON a BETWEEN lo AND hi UNION ALL SELECT 0;
