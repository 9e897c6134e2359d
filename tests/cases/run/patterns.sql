-- file: t/a.json
--| {"id": 1, "s": "Ab c", "n": 10, "x": 2.5}
--| {"id": 2, "s": null, "n": 20, "x": -1.5}
--| {"id": 3, "s": "éa", "n": null, "x": null}
-- result: matched
--| id | lik | ilik | rlik | rx | cap | rep | words
--| 1 | true | true | true | true | b | Ax c | [Ab, c]
--| 2 | NULL | NULL | NULL | NULL | NULL | NULL | NULL
--| 3 | false | false | false | false | NULL | éa | [éa]
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING, n INT, x DOUBLE)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW matched AS
SELECT id, s LIKE 'A%' AS lik, s ILIKE 'a%' AS ilik, s RLIKE '^A' AS rlik, regexp_like(s, 'c$') AS rx,
       regexp_match(s, '(b)')[0] AS cap, regexp_replace(s, 'b', 'x') AS rep, string_to_array(s, ' ') AS words
FROM t;
