-- file: events/a.json
--| {"id": 3, "user": "a", "n": 1}
--| {"id": 2, "user": "a", "n": 2}
--| {"id": 1, "user": null, "n": 3}
-- file: events/b.json
--| {"id": 2, "user": "a", "n": 4}
--| {"id": 9, "user": "b", "n": 5}
--| {"id": 5, "user": null, "n": 6}
-- result: firsts
--| n | key
--| 2 | A
--| 5 | B
--| 3 | NULL
-- result: united
--| user | id
--| a | 2
--| b | 9
--| NULL | 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, user STRING, n BIGINT)
  USING json LOCATION '${landing}/events';
-- Of rows that are equal in the order, the one that comes first in its source stays.
CREATE STREAMING TABLE firsts AS
SELECT n, upper(user) AS key FROM STREAM events
QUALIFY row_number() OVER (PARTITION BY upper(user) ORDER BY id) = 1;
CREATE STREAMING TABLE united AS
SELECT user, id FROM (
  SELECT user, id FROM STREAM events WHERE n < 3
  UNION ALL SELECT user, id FROM STREAM events WHERE n >= 3
) AS both
QUALIFY row_number() OVER (PARTITION BY user ORDER BY id) = 1;
