-- file: t/a.json
--| {"id": 1, "s": "a1b22", "a": [3, null, 1, 1]}
--| {"id": 2, "s": null, "a": null}
-- result: texts
--| id | r | tail | head | c | l | i | parts | b | second | t | same
--| 1 | a#b## | b22 | a1 | a1b22! |  | A-b C_d | [a, b, ] | 3 | 5 | x122 | a1b22
--| 2 | NULL | NULL | NULL | NULL | NULL | A-b C_d | NULL | NULL | NULL | NULL | NULL
-- result: arrays
--| id | d | has | at | n | down | up | last
--| 1 | [3, NULL] | NULL | 0 | 4 | [3, 1, 1, NULL] | [1, 1, 3, NULL] | [1, 1]
--| 2 | NULL | NULL | NULL | NULL | NULL | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING, a ARRAY<INT>) STORED AS JSON LOCATION '${landing}/t';
-- Functions that other engines have under the same name with another meaning.
CREATE OR REFRESH MATERIALIZED VIEW texts AS
SELECT id, regexp_replace(s, '[0-9]', '#') AS r, substring(s, -3) AS tail, substring(s, 0, 2) AS head,
       concat(s, '!') AS c, left(s, -1) AS l, initcap('a-b c_d') AS i, split(s, '[0-9]+') AS parts,
       instr(s, 'b') AS b, locate('2', s, 5) AS second, translate(s, 'ab', 'x') AS t,
       replace(s, '', 'x') AS same
FROM t;
CREATE OR REFRESH MATERIALIZED VIEW arrays AS
SELECT id, array_remove(a, 1) AS d, array_contains(a, 9) AS has, array_position(a, 9) AS at,
       size(a) AS n, sort_array(a, false) AS down, array_sort(a) AS up, slice(a, -2, 2) AS last
FROM t;
