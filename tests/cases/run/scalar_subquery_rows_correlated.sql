-- fails: execution
-- message: more than one row
-- file: o/a.json
--| {"id": 1, "cur": "e"}
-- file: r/a.json
--| {"cur": "e", "rate": 2}
--| {"cur": "e", "rate": 3}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE o (id INT, cur STRING) STORED AS JSON LOCATION '${landing}/o';
CREATE EXTERNAL TABLE r (cur STRING, rate INT) STORED AS JSON LOCATION '${landing}/r';
CREATE OR REFRESH MATERIALIZED VIEW x AS
SELECT id FROM o WHERE id < (SELECT rate FROM r WHERE r.cur = o.cur);
