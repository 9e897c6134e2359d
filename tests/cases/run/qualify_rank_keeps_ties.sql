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
-- result: top
--| k | v
--| a | third
--| b | tie1
--| b | tie2
--| c | null time
--| NULL | n2
-- result: two_each
--| k | v
--| a | third
--| a | second
--| b | tie1
--| b | tie2
--| c | null time
--| NULL | n1
--| NULL | n2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE clicks (k STRING, at INT, v STRING)
  STORED AS JSON LOCATION '${landing}/clicks';
CREATE OR REFRESH MATERIALIZED VIEW top AS
SELECT k, v FROM clicks QUALIFY rank() OVER (PARTITION BY k ORDER BY at DESC) = 1;
CREATE OR REFRESH MATERIALIZED VIEW two_each AS
SELECT k, v FROM clicks QUALIFY row_number() OVER (PARTITION BY k ORDER BY at DESC) <= 2;
