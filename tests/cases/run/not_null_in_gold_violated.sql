-- file: t/a.json
--| {"id": 1, "n": 2}
--| {"id": 2}
-- fails: data_quality
-- message: column 'n' is declared NOT NULL but 1 of
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id BIGINT, n INT) STORED AS JSON LOCATION '${landing}/t';
CREATE STREAMING TABLE added (id BIGINT NOT NULL, n INT NOT NULL) AS SELECT id, n FROM STREAM t;
