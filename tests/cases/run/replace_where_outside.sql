-- file: sales/a.json
--| {"day": "2026-01-01", "n": 1}
--| {"day": null, "n": 2}
-- fails: data_quality
-- message: a row of flow `days` is outside of the part of table `daily` that the flow replaces
-- message: `day >= DATE '2026-01-01'` is not true for it
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE sales (day DATE, n BIGINT) USING json LOCATION '${landing}/sales';
CREATE STREAMING TABLE daily;
CREATE FLOW days AS INSERT INTO daily REPLACE WHERE day >= DATE '2026-01-01' BY NAME
SELECT day, n FROM sales;
