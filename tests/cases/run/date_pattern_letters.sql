-- file: t/a.json
--| {"id": 1, "ts": "2024-02-09T13:05:07.012345Z", "s": "9 Feb 2024 1:05 PM +02:00"}
--| {"id": 2, "ts": null, "s": null}
-- result: x
--| id | a | b | c | e | p | q
--| 1 | Fri, 9 February 24 | 1:05 PM, Q1, 40 | 13:05:07.012Z | 1970-01 | 2024-02-09T11:05:00Z | NULL
--| 2 | NULL | NULL | NULL | 1970-01 | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, ts TIMESTAMP, s STRING) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW x AS
SELECT id, date_format(ts, 'EEE, d MMMM yy') AS a, date_format(ts, 'h:mm a, QQQ, D') AS b,
       date_format(ts, 'HH:mm:ss.SSSXXX') AS c, from_unixtime(0, 'yyyy[-MM]') AS e,
       to_timestamp(s, 'd MMM yyyy h:mm a XXX') AS p, try_to_timestamp(s, 'yyyy-MM-dd') AS q
FROM t;
