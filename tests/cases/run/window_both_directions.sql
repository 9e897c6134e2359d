-- file: t/a.json
--| {"g": "a", "o": 1, "v": 10}
--| {"g": "a", "o": 2, "v": 20}
-- file: t/b.json
--| {"g": "a", "o": 3, "v": null}
--| {"g": "a", "o": 4, "v": 40}
-- result: x
--| o | up | down | up2 | down2 | first_up | first_down | last_down | nth_up | nth_down | n_down | filtered_down
--| 1 | NULL | 20 | 20 | NULL | 10 | 40 | 10 | NULL | NULL | 4 | 2
--| 2 | 10 | NULL | NULL | 10 | 10 | 40 | 20 | 20 | NULL | 3 | 2
--| 3 | 20 | 40 | 40 | 20 | 10 | 40 | NULL | 20 | NULL | 2 | 1
--| 4 | NULL | NULL | NULL | NULL | 10 | 40 | 40 | 20 | NULL | 1 | 1
-- result: nulls
--| o | down
--| 1 | 20
--| 2 | 40
--| 3 | 40
--| 4 | NULL
-- result: lists
--| o | up | down
--| 1 | 10 | 40,20,10
--| 2 | 10,20 | 40,20
--| 3 | 10,20 | 40
--| 4 | 10,20,40 | 40
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (g STRING, o INT, v INT) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW x AS
SELECT o,
       lag(v)          OVER (PARTITION BY g ORDER BY o)      AS up,
       lag(v)          OVER (PARTITION BY g ORDER BY o DESC) AS down,
       lead(v)         OVER (PARTITION BY g ORDER BY o)      AS up2,
       lead(v)         OVER (PARTITION BY g ORDER BY o DESC) AS down2,
       first_value(v)  OVER (PARTITION BY g ORDER BY o)      AS first_up,
       first_value(v)  OVER (PARTITION BY g ORDER BY o DESC) AS first_down,
       last_value(v)   OVER (PARTITION BY g ORDER BY o DESC) AS last_down,
       nth_value(v, 2) OVER (PARTITION BY g ORDER BY o)      AS nth_up,
       nth_value(v, 2) OVER (PARTITION BY g ORDER BY o DESC) AS nth_down,
       count(*)        OVER (PARTITION BY g ORDER BY o DESC) AS n_down,
       count(*) FILTER (WHERE v > 15) OVER (PARTITION BY g ORDER BY o DESC) AS filtered_down
FROM t;
CREATE OR REFRESH MATERIALIZED VIEW nulls AS
SELECT o,
       lag(v) IGNORE NULLS OVER (PARTITION BY g ORDER BY o DESC) AS down
FROM (SELECT g, o, v, row_number() OVER (PARTITION BY g ORDER BY o) AS n FROM t);
CREATE OR REFRESH MATERIALIZED VIEW lists AS
SELECT o, array_to_string(up, ',') AS up, array_to_string(down, ',') AS down
FROM (SELECT o,
             array_agg(v) FILTER (WHERE v IS NOT NULL) OVER (PARTITION BY g ORDER BY o)      AS up,
             array_agg(v) FILTER (WHERE v IS NOT NULL) OVER (PARTITION BY g ORDER BY o DESC) AS down
      FROM t);
