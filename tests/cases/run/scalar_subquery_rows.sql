-- fails: execution
-- message: more than one row
-- file: o/a.json
--| {"id": 1, "total": 5}
-- file: r/a.json
--| {"cur": "e", "rate": 2}
--| {"cur": "e", "rate": 3}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE o (id INT, total INT) STORED AS JSON LOCATION '${landing}/o';
CREATE EXTERNAL TABLE r (cur STRING, rate INT) STORED AS JSON LOCATION '${landing}/r';
CREATE OR REFRESH MATERIALIZED VIEW x AS
SELECT id, total * (SELECT rate FROM r WHERE cur = 'e') AS v FROM o;
