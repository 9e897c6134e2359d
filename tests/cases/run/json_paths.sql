-- file: t/a.json
--| {"id": 1, "doc": "{\"a\": {\"b\": [1, 2.50]}, \"c\": \"x\"}"}
--| {"id": 2, "doc": "not json"}
--| {"id": 3, "doc": null}
-- result: x
--| id | b | a | parsed | written
--| 1 | 2.5 | {"b":[1,2.5]} | [1.0, 2.5] | {"id":1}
--| 2 | NULL | NULL | NULL | {"id":2}
--| 3 | NULL | NULL | NULL | {"id":3}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, doc STRING) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW x AS
SELECT id, get_json_object(doc, '$.a.b[1]') AS b, get_json_object(doc, '$.a') AS a,
       from_json(doc, 'c STRING, a STRUCT<b: ARRAY<DOUBLE>>').a.b AS parsed,
       to_json(named_struct('id', id, 'nothing', CAST(NULL AS STRING))) AS written
FROM t;
