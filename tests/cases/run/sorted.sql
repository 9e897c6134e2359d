-- file: t/a.json
--| {"id": 2, "v": "b"}
--| {"id": null, "v": "n"}
--| {"id": 3, "v": "a"}
--| {"id": 2, "v": "a"}
-- result ordered: sorted
--| id | v
--| 3 | a
--| 2 | a
--| 2 | b
--| NULL | n
-- result ordered: clustered
--| id | v
--| NULL | n
--| 2 | a
--| 2 | b
--| 3 | a
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, v STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW sorted
TBLPROPERTIES ('sluice.sort_by' = 'id DESC NULLS LAST, v')
AS SELECT id, v FROM t;
CREATE OR REFRESH MATERIALIZED VIEW clustered CLUSTER BY (id, v) AS SELECT * FROM t;
