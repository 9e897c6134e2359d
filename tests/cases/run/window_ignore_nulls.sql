-- file: t/a.json
--| {"g": "a", "o": 1, "v": 10}
--| {"g": "a", "o": 2, "v": null}
--| {"g": "a", "o": 3, "v": null}
-- file: t/b.json
--| {"g": "a", "o": 4, "v": 40}
--| {"g": "b", "o": 1, "v": null}
-- result: filled
--| o | before | after | latest | earliest | second
--| 1 | NULL | 40 | 10 | 10 | NULL
--| 2 | 10 | 40 | 10 | 10 | NULL
--| 3 | 10 | 40 | 10 | 10 | NULL
--| 4 | 10 | NULL | 40 | 10 | 40
--| 1 | NULL | NULL | NULL | NULL | NULL
-- result: respected
--| o | before | latest
--| 1 | NULL | 10
--| 2 | 10 | NULL
--| 3 | NULL | NULL
--| 4 | NULL | 40
--| 1 | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (g STRING, o INT, v INT) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW filled AS
SELECT o,
       lag(v)          IGNORE NULLS OVER w AS before,
       lead(v)         IGNORE NULLS OVER w AS after,
       last_value(v)   IGNORE NULLS OVER w AS latest,
       first_value(v)  IGNORE NULLS OVER w AS earliest,
       nth_value(v, 2) IGNORE NULLS OVER w AS second
FROM t
WINDOW w AS (PARTITION BY g ORDER BY o);
CREATE OR REFRESH MATERIALIZED VIEW respected AS
SELECT o, lag(v) OVER w AS before, last_value(v) OVER w AS latest
FROM t
WINDOW w AS (PARTITION BY g ORDER BY o);
