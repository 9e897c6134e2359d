-- file: l/a.json
--| {"id": 1, "g": 1}
--| {"id": 2, "g": 2}
--| {"id": null, "g": 3}
-- file: s/a.json
--| {"id": 1, "g": 1}
--| {"id": null, "g": 2}
--| {"id": 7, "g": 9}
--| {"id": 8, "g": 9}
-- result: correlated_not_in
--| g
--| 1
--| 3
-- result: not_in_or
--| g
--| 3
-- result: values
--| g | inside | outside | has
--| 1 | true | false | true
--| 2 | false | false | true
--| 3 | false | false | false
-- result: unmatched_rows
--| g | v
--| 1 | 1
--| 2 | NULL
--| 3 | NULL
-- result: in_aggregate
--| n | total
--| 1 | 48
-- result: in_join
--| g
--| 1
-- result: in_having
--| g
--| 9
-- result: row_in
--| g
--| 1
-- result: row_not_in
--| g
--| 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE l (id INT, g INT) STORED AS JSON LOCATION '${landing}/l';
CREATE EXTERNAL TABLE s (id INT, g INT) STORED AS JSON LOCATION '${landing}/s';
-- g 2: 3 NOT IN (NULL) is NULL.
CREATE OR REFRESH MATERIALIZED VIEW correlated_not_in AS
SELECT g FROM l WHERE 3 NOT IN (SELECT id FROM s WHERE s.g = l.g);
CREATE OR REFRESH MATERIALIZED VIEW not_in_or AS
SELECT g FROM l WHERE id NOT IN (SELECT id FROM s) OR g = 3;
CREATE OR REFRESH MATERIALIZED VIEW values AS
SELECT g, id IN (SELECT id FROM s) AS inside, id NOT IN (SELECT id FROM s) AS outside,
       EXISTS (SELECT 1 FROM s WHERE s.g = l.g) AS has
FROM l;
-- The two rows of g 9 belong to no row of l.
CREATE OR REFRESH MATERIALIZED VIEW unmatched_rows AS
SELECT g, (SELECT id FROM s WHERE s.g = l.g) AS v FROM l;
CREATE OR REFRESH MATERIALIZED VIEW in_aggregate AS
SELECT count(CASE WHEN id IN (SELECT id FROM s) THEN 1 END) AS n, sum((SELECT sum(id) FROM s)) AS total FROM l;
CREATE OR REFRESH MATERIALIZED VIEW in_join AS
SELECT l.g FROM l JOIN s ON l.g = s.g AND l.id = (SELECT min(id) FROM s);
CREATE OR REFRESH MATERIALIZED VIEW in_having AS
SELECT g FROM s GROUP BY g HAVING count(id) > (SELECT count(*) FROM l WHERE id = 1);
CREATE OR REFRESH MATERIALIZED VIEW row_in AS SELECT g FROM l WHERE (id, g) IN (SELECT id, g FROM s);
-- (2, 2) may be (NULL, 2), so only g 3 is certainly not there.
CREATE OR REFRESH MATERIALIZED VIEW row_not_in AS SELECT g FROM l WHERE (id, g) NOT IN (SELECT id, g FROM s);
