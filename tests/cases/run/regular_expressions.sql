-- file: t/a.json
--| {"id": 1, "s": "user 42"}
--| {"id": 2, "s": "aa-bb"}
--| {"id": 3, "s": null}
-- result: x
--| id | g | r | n | pairs | letters | at | num
--| 1 | 42 | false | false | [u, s, e] | 4 | 6 | 42
--| 2 | bb | true | true | [a, b] | 4 | 0 | NULL
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING) STORED AS JSON LOCATION '${landing}/t';
-- Java's expressions, with back-references and look-around.
CREATE OR REFRESH MATERIALIZED VIEW x AS
SELECT id, regexp_extract(s, '([a-z]+)[ -]([0-9a-z]+)', 2) AS g, s RLIKE '([a-z])[b-]*$' AS r, s NOT RLIKE '^u(?=s)' AS n,
       regexp_extract_all(s, '([a-z])(?=[a-z])') AS pairs, regexp_count(s, '[a-z]') AS letters,
       regexp_instr(s, '[0-9]') AS at, regexp_substr(s, '[0-9]+') AS num
FROM t;
