-- file: t/a.json
--| {"userId": 1, "eventType": "a", "amount": 5}
--| {"userId": 2, "eventType": "b", "amount": 7}
-- result: totals
--| eventType | TotalAmount
--| a | 5
--| b | 7
-- result: everything
--| userId | eventType | amount
--| 1 | a | 5
--| 2 | b | 7
-- result: again
--| EVENTTYPE | doubled
--| a | 10
--| b | 14
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- Columns of gold are called as the select list spells them; names are found in any
-- spelling, also in the layout.
CREATE EXTERNAL TABLE t (userId INT, eventType STRING, amount INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW totals
PARTITIONED BY (EventType)
AS SELECT t.eventType, sum(amount) AS TotalAmount FROM t GROUP BY EVENTTYPE;
CREATE OR REFRESH MATERIALIZED VIEW everything
TBLPROPERTIES ('sluice.sort_by' = 'userid')
AS SELECT * FROM t;
CREATE TEMPORARY VIEW doubles (Kind, Doubled) AS SELECT eventtype, totalamount * 2 FROM totals;
CREATE OR REFRESH MATERIALIZED VIEW again AS
SELECT kind AS EVENTTYPE, doubled FROM doubles;
