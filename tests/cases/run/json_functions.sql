-- file: raw/a.json
--| {"id": 1, "doc": "{\"a\": {\"b\": [1, 2.5, \"x\"]}, \"ok\": true, \"n\": null}"}
--| {"id": 2, "doc": "not json"}
--| {"id": 3, "doc": null}
--| {"id": 4, "doc": {"a": {"b": [7]}, "ok": false}}
-- result: docs
--| id | i | s | f | ok | n | a | arrow | has
--| 1 | 1 | x | 2.5 | true | 3 | {"b": [1, 2.5, "x"]} | x | true
--| 2 | NULL | NULL | NULL | NULL | NULL | NULL | NULL | false
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL | false
--| 4 | 7 | NULL | NULL | false | 1 | {"b": [7]} | NULL | true
-- result: elements
--| id | element
--| 1 | 1
--| 1 | 2.5
--| 1 | "x"
--| 4 | 7
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE raw (id INT, doc STRING)
  STORED AS JSON LOCATION '${landing}/raw';
CREATE OR REFRESH MATERIALIZED VIEW docs AS
SELECT id,
       json_get_int(doc, 'a', 'b', 0)   AS i,
       json_get_str(doc, 'a', 'b', 2)   AS s,
       json_get_float(doc, 'a', 'b', 1) AS f,
       json_get_bool(doc, 'ok')         AS ok,
       json_length(doc, 'a', 'b')       AS n,
       json_get_json(doc, 'a')          AS a,
       doc->'a'->'b'->>2                AS arrow,
       json_contains(doc, 'a')          AS has
FROM raw;
CREATE OR REFRESH MATERIALIZED VIEW elements AS
SELECT id, unnest(json_get_array(doc, 'a', 'b')) AS element FROM raw;
