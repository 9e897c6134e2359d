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
-- result: latest
--| k | at | v
--| a | 3 | third
--| b | 5 | tie1
--| c | NULL | null time
--| NULL | 2 | n2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE clicks (k STRING, at INT, v STRING)
  STORED AS JSON LOCATION '${landing}/clicks';
-- Ties go to the row that stands first: files by name, lines from the top.
CREATE OR REFRESH MATERIALIZED VIEW latest AS
SELECT k, at, v FROM clicks
QUALIFY row_number() OVER (PARTITION BY k ORDER BY at DESC) = 1;
