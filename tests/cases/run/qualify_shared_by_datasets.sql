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
-- result: a
--| k | v
--| a | third
--| b | tie1
--| c | null time
-- result: b
--| n
--| 4
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE clicks (k STRING, at INT, v STRING)
  STORED AS JSON LOCATION '${landing}/clicks';
CREATE TEMPORARY VIEW latest AS
SELECT * FROM clicks QUALIFY row_number() OVER (PARTITION BY k ORDER BY at DESC) = 1;
CREATE OR REFRESH MATERIALIZED VIEW a AS SELECT k, v FROM latest WHERE k IS NOT NULL;
CREATE OR REFRESH MATERIALIZED VIEW b AS SELECT count(*) AS n FROM latest;
