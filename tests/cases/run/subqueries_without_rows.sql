-- file: t/a.json
--| {"id": 1, "k": "a"}
--| {"id": 2, "k": "c"}
-- file: u/a.json
--| {"k": "a", "v": 1, "w": 1.5}
--| {"k": "a", "v": 2, "w": 2.5}
-- result: aggregates
--| id | items | kept | n | n_distinct | estimate | pairs | texts
--| 1 | [1, 2] | 2 | 1 | 2 | 2 | 2 | 1,2
--| 2 | [] | 0 | 0 | 0 | 0 | 0 | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id BIGINT, k STRING) STORED AS JSON LOCATION '${landing}/t';
CREATE EXTERNAL TABLE u (k STRING, v INT, w DOUBLE) STORED AS JSON LOCATION '${landing}/u';
CREATE OR REFRESH MATERIALIZED VIEW aggregates AS
SELECT id,
       (SELECT array_sort(collect_list(v)) FROM u WHERE u.k = t.k) AS items,
       (SELECT size(collect_set(v)) FROM u WHERE u.k = t.k) AS kept,
       (SELECT count_if(v > 1) FROM u WHERE u.k = t.k) AS n,
       (SELECT count(DISTINCT v) FROM u WHERE u.k = t.k) AS n_distinct,
       (SELECT approx_count_distinct(v) FROM u WHERE u.k = t.k) AS estimate,
       (SELECT regr_count(v, w) FROM u WHERE u.k = t.k) AS pairs,
       (SELECT listagg(CAST(v AS STRING), ',') WITHIN GROUP (ORDER BY v) FROM u WHERE u.k = t.k) AS texts
FROM t;
