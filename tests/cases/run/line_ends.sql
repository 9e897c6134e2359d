-- file bom crlf: t/a.json
--| {"id": 1}
--|
--| {"id": 2}
-- file open: t/b.json
--| {"id": 3}
--| {"id": 4}
-- file bom open: t/c.json
--| {"id": 5}
-- malformed: t=0
-- result: ids
--| id
--| 1
--| 2
--| 3
--| 4
--| 5
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'failfast');
CREATE OR REFRESH MATERIALIZED VIEW ids AS SELECT id FROM t;
