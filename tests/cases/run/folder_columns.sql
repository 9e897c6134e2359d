-- file: json/day=2024-05-31/Place=a%2Fb/a.json
--| {"id": 1, "day": "1999-01-01"}
-- file: json/day=2024-06-01/Place=__HIVE_DEFAULT_PARTITION__/b.json
--| {"id": 2}
-- file: csv/day=2024-05-31/a.csv
--| 1,x
-- file: csv/day=2024-06-01/b.csv
--| 2,y
-- result: j
--| id | day | place
--| 1 | 2024-05-31 | a/b
--| 2 | 2024-06-01 | NULL
-- result: c
--| day | s
--| 2024-05-31 | x
--| 2024-06-01 | y
-- result: counted
--| day | n
--| 2024-06-01 | 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE json (day DATE, id INT, place STRING) STORED AS JSON LOCATION '${landing}/json';
CREATE EXTERNAL TABLE csv (id INT, day DATE, s STRING) STORED AS CSV LOCATION '${landing}/csv';
CREATE OR REFRESH MATERIALIZED VIEW j AS SELECT id, day, place FROM json;
CREATE OR REFRESH MATERIALIZED VIEW c AS SELECT day, s FROM csv;
CREATE OR REFRESH MATERIALIZED VIEW counted AS
SELECT day, count(*) AS n FROM json WHERE day > DATE '2024-05-31' GROUP BY day;
