-- file: events/a.json
--| {"id": 1, "k": 1}
--| {"id": 2, "k": 3}
-- file: events/b.json
--| {"id": 3, "k": null}
--| {"id": 4, "k": 3}
-- file: levels/l.json
--| {"k": 1, "v": 10}
--| {"k": 2, "v": 5}
--| {"k": 4, "v": 7}
-- result: ranked
--| id | below | best
--| 1 | 0 | 7
--| 2 | 2 | 7
--| 3 | 0 | NULL
--| 4 | 2 | 7
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, k INT) STORED AS JSON LOCATION '${landing}/events';
CREATE EXTERNAL TABLE levels (k INT, v INT) STORED AS JSON LOCATION '${landing}/levels';
-- The subqueries are computed for the values of k that are new.
CREATE STREAMING TABLE ranked AS
SELECT id, (SELECT count(*) FROM levels WHERE levels.k < e.k) AS below,
  (SELECT max(v) FROM levels WHERE levels.k > e.k) AS best
FROM STREAM events AS e;
