-- file: csv/a.csv
--| 1
-- file: csv/b.csv.gz
--| 2
-- file: csv/C.CSV.ZST
--| 3
-- file: csv/d.Csv.Gz
--| 4
-- file: json/a.JSON
--| {"id": 1}
-- file: json/b.json.GZ
--| {"id": 2}
-- file: json/c.NDJSON.zst
--| {"id": 3}
-- file: json/d.jsonl
--| {"id": 4}
-- result: c
--| id
--| 1
--| 2
--| 3
--| 4
-- result: j
--| id
--| 1
--| 2
--| 3
--| 4
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE csv (id INT) STORED AS CSV LOCATION '${landing}/csv' OPTIONS ('mode' 'failfast');
CREATE EXTERNAL TABLE json (id INT) STORED AS JSON LOCATION '${landing}/json' OPTIONS ('mode' 'failfast');
CREATE OR REFRESH MATERIALIZED VIEW c AS SELECT id FROM csv;
CREATE OR REFRESH MATERIALIZED VIEW j AS SELECT id FROM json;
