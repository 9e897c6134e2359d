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
-- result: keys
--| k
--| a
--| b
--| c
--| NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE clicks (k STRING, at INT, v STRING)
  STORED AS JSON LOCATION '${landing}/clicks';
CREATE OR REFRESH MATERIALIZED VIEW keys AS SELECT DISTINCT k FROM clicks;
