-- file: t/a.json
--| {"g": 1, "v": 1, "y": 5, "at": 1}
--| {"g": 1, "v": 2, "y": 9, "at": 2}
--| {"g": 1, "v": 3, "y": null, "at": 3}
--| {"g": 2, "v": null, "y": null, "at": 4}
-- result: picked
--| g | most | least | list | n | first | every | some
--| 1 | 2 | 1 | [1, 2, 3] | 3 | 5 | true | true
--| 2 | NULL | NULL | [] | 0 | NULL | NULL | NULL
-- result: empty
--| n | list | total
--| 0 | [] | NULL
-- result: ranked
--| at | up | down
--| 1 | 3 | 2
--| 2 | 4 | 1
--| 3 | 1 | 3
--| 4 | 1 | 3
-- result: least
--| at
--| 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (g INT, v INT, y INT, at INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW picked AS
SELECT g, max_by(v, y) AS most, min_by(v, y) AS least, array_agg(v ORDER BY at) AS list,
       cardinality(collect_set(v)) AS n, first(y, true) AS first, every(y > 1) AS every, some(y > 5) AS some
FROM t GROUP BY g;
CREATE OR REFRESH MATERIALIZED VIEW empty AS
SELECT count(*) AS n, collect_list(v) AS list, sum(v) AS total FROM t WHERE g = 3;
-- NULL is less than every value.
CREATE OR REFRESH MATERIALIZED VIEW ranked AS
SELECT at, rank() OVER (ORDER BY y) AS up, rank() OVER (ORDER BY y DESC) AS down FROM t;
CREATE OR REFRESH MATERIALIZED VIEW least AS SELECT at FROM t ORDER BY y, at LIMIT 1;
