-- error: E0509
-- message: make_dt_interval(days, hours, minutes, seconds)
DECLARE VARIABLE gold STRING;
CREATE OR REFRESH MATERIALIZED VIEW r AS SELECT DATE '2024-01-01' + CAST('1' AS INTERVAL DAY) AS d;
