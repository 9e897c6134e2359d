-- file: clicks/a.json
--| {"k": "a", "at": 1, "v": "first"}
--| {"k": "a", "at": 3, "v": "third"}
--| {"k": null, "at": 2, "v": "n2"}
--| {"k": "b", "at": 5, "v": "tie1"}
-- file: clicks/b.json
--| {"k": "a", "at": 2, "v": "second"}
--| {"k": "b", "at": 5, "v": "tie2"}
--| {"k": null, "at": 1, "v": "n1"}
--| {"k": "c", "at": null, "v": "null time"}
-- file: names/a.json
--| {"k": "a", "name": "Anna"}
--| {"k": "b", "name": "Bert"}
-- result: named
--| name | v
--| Anna | third
--| Bert | tie2
-- result: joined_after
--| name | at
--| Anna | 3
--| Bert | 5
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE clicks (k STRING, at INT, v STRING)
  STORED AS JSON LOCATION '${landing}/clicks';
CREATE EXTERNAL TABLE names (k STRING, name STRING)
  STORED AS JSON LOCATION '${landing}/names';
CREATE OR REFRESH MATERIALIZED VIEW named AS
SELECT n.name, c.v FROM clicks AS c JOIN names AS n ON n.k = c.k
QUALIFY row_number() OVER (PARTITION BY c.k ORDER BY c.at DESC, c.v DESC) = 1;
CREATE OR REFRESH MATERIALIZED VIEW joined_after AS
SELECT n.name, c.at
FROM (SELECT k, at FROM clicks QUALIFY row_number() OVER (PARTITION BY k ORDER BY at DESC) = 1) AS c
JOIN names AS n ON n.k = c.k;
