-- error: E0509
-- at: 14:37
-- message: second argument of nth_value
-- error: E0509
-- at: 17:8
-- message: must be a constant
-- message: in the query of dataset `median`
-- file: t/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING) STORED AS JSON LOCATION '${landing}/t';
-- Found only when the physical plan is made, and when a task begins.
CREATE OR REFRESH MATERIALIZED VIEW nth AS
SELECT nth_value(id, id) OVER (ORDER BY id) AS r FROM t;
CREATE OR REFRESH MATERIALIZED VIEW median AS
SELECT percentile_cont(id) WITHIN GROUP (ORDER BY id) AS r FROM t;
