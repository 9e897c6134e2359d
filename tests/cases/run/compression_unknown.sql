-- file: t/a.json
--| {"id": 1}
-- file: t/b.json.bz2
--| not read by any reader here
-- fails: storage
-- message: t/b.json.bz2
-- message: compress it with gzip or zstd
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id FROM t;
