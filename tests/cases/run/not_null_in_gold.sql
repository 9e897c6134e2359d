-- file: t/a.json
--| {"id": 1, "n": 2}
--| {"id": 2, "n": 3}
-- result: whole
--| id | n
--| 1 | 2
--| 2 | 3
-- result: added
--| n | id
--| 2 | 1
--| 3 | 2
-- result: again
--| total
--| 5
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- The columns of the query may be NULL; the rows are checked.
CREATE EXTERNAL TABLE t (id BIGINT, n INT) STORED AS JSON LOCATION '${landing}/t';
CREATE MATERIALIZED VIEW whole (id BIGINT NOT NULL, n INT NOT NULL) AS SELECT id, n FROM t;
CREATE STREAMING TABLE added (n INT NOT NULL, id BIGINT NOT NULL) AS SELECT id, n FROM STREAM t;
CREATE MATERIALIZED VIEW again (total BIGINT NOT NULL) AS SELECT sum(n) AS total FROM whole;
