-- file: t/a.json
--| {"id": 1, "s": "bbb", "n": 10, "doc": "{\"a\": 1, \"b\": \"x\"}"}
--| {"id": 2, "s": "a", "n": 20, "doc": "no json"}
--| {"id": 3, "s": "cc", "n": null, "doc": null}
-- result: totals
--| names | once | low | approx | any_large | by_length
--| cc, bbb, a | a,bbb,cc | 10.0 | 10 | true | a-cc-bbb
-- result: tuples
--| id | a | b
--| 1 | 1 | x
--| 2 | NULL | NULL
--| 3 | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING, n INT, doc STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW totals AS
SELECT listagg(s, ', ') WITHIN GROUP (ORDER BY s DESC) AS names,
       listagg(DISTINCT s, ',') WITHIN GROUP (ORDER BY s) AS once,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY n) AS low,
       percentile_approx(n, 0.5) AS approx,
       bool_or(n > 15) AS any_large,
       array_join(array_sort(collect_list(s), (l, r) -> length(l) - length(r)), '-') AS by_length
FROM t;
CREATE OR REFRESH MATERIALIZED VIEW tuples AS
SELECT id, a, b FROM t LATERAL VIEW json_tuple(doc, 'a', 'b') j AS a, b;
