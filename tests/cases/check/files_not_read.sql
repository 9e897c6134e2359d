-- warning: W0501
-- at: 12:58
-- message: notes.txt
-- message: are not read by source `t`
-- message: `folder/*`
-- file: t/a.json
--| {"id": 1}
-- file: t/notes.txt
--| not for the source
-- file: t/older/b.json
--| {"id": 2}
CREATE EXTERNAL TABLE t (id INT) STORED AS JSON LOCATION '${landing}/t';
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id FROM t;
