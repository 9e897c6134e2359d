-- file: t/a.json.gz
--| {"id": 1}
--| {"id": 2}
-- file: t/b.jsonl.zst
--| {"id": 3}
-- file: t/c.ndjson
--| {"id": 4}
-- file: t/_SUCCESS
-- file: t/notes.md
--| not read
-- result: ids
--| id
--| 1
--| 2
--| 3
--| 4
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW ids AS SELECT id FROM t;
