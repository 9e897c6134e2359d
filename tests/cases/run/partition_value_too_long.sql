-- file: t/a.json
--| {"id": 1, "s": "x"}
-- fails: execution
-- message: a value of the partition column 's' is too long for a folder name (302 bytes, at most 255)
-- message: partition by a shorter column
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW by_s PARTITIONED BY (s) AS SELECT id, repeat(s, 300) AS s FROM t;
