-- file: events/day=2024-01-01/a b.json
--| {"id": 1}
--|
--| {"id": 2}
-- file: events/day=2024-01-02/c.json.gz
--| {"id": 3}
--| {"id": 4}
-- file: prices/p.csv
--| id;price
--| 1;10
--|
--| 4;40
-- file copy: orders/o.parquet
--| orders.parquet
-- result: added
--| id | day | file_name | line
--| 1 | 2024-01-01 | a%20b.json | 1
--| 2 | 2024-01-01 | a%20b.json | 3
--| 3 | 2024-01-02 | c.json.gz | 1
--| 4 | 2024-01-02 | c.json.gz | 2
-- schema: added
--| id integer
--| day date
--| file_name string
--| line long
-- result: files
--| path | size | is_recent | rows
--| file:/…/events/day=2024-01-01/a%20b.json | 21 | true | 2
-- result: days
--| day | n
--| 2024-01-01 | 2
--| 2024-01-02 | 2
-- result: priced
--| id | price | price_line | event_line
--| 1 | 10 | 2 | 1
--| 4 | 40 | 4 | 2
-- result: whole
--| file_name | file_size | line
--| p.csv | 20 | 2
--| p.csv | 20 | 4
-- result: orders_of
--| id | path_ends | file_name | is_recent
--| 1 | true | o.parquet | true
--| 2 | true | o.parquet | true
-- result: last_of_file
--| id | name
--| 2 | a%20b.json
--| 4 | c.json.gz
-- result: structs
--| file_name | has_time
--| a%20b.json | true
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, day DATE) STORED AS JSON LOCATION '${landing}/events';
CREATE EXTERNAL TABLE prices (id INT, price INT) STORED AS CSV LOCATION '${landing}/prices'
  OPTIONS ('header' 'true', 'sep' ';');
CREATE EXTERNAL TABLE orders (id INT) STORED AS PARQUET LOCATION '${landing}/orders';

CREATE STREAMING TABLE added AS
SELECT *, _metadata.file_name, _metadata.line FROM STREAM events;

-- `*` has no hidden column, whether or not another query reads it.
CREATE MATERIALIZED VIEW days AS SELECT day, count(*) AS n FROM (SELECT * FROM events) GROUP BY day;

CREATE MATERIALIZED VIEW files AS
SELECT regexp_replace(_metadata.file_path, '^file:/.*/events/', 'file:/…/events/') AS path,
       _metadata.file_size AS size,
       bool_and(_metadata.file_modification_time BETWEEN now() - INTERVAL 1 DAY AND now() + INTERVAL 1 DAY) AS is_recent,
       count(*) AS rows
FROM events
WHERE _metadata.file_name LIKE 'a%'
GROUP BY _metadata.file_path, _metadata.file_size;

CREATE MATERIALIZED VIEW priced AS
SELECT p.*, p._metadata.line AS price_line, e._metadata.line AS event_line
FROM prices AS p JOIN events AS e ON e.id = p.id;

CREATE MATERIALIZED VIEW whole AS SELECT m.file_name, m.file_size, m.line
FROM (SELECT _metadata AS m FROM read_files('${landing}/prices', format => 'csv', schema => 'id INT, price INT',
                                            header => true, sep => ';'));

CREATE MATERIALIZED VIEW orders_of AS
SELECT *, _metadata.file_path LIKE 'file:/%/orders/o.parquet' AS path_ends, _metadata.file_name,
       _metadata.file_size > 100 AND _metadata.file_modification_time > now() - INTERVAL 1 DAY AS is_recent
FROM orders
WHERE _metadata.file_name = 'o.parquet';

CREATE MATERIALIZED VIEW last_of_file AS
SELECT id, _metadata.file_name AS name FROM events
QUALIFY row_number() OVER (PARTITION BY _metadata.file_path ORDER BY _metadata.line DESC) = 1;

CREATE MATERIALIZED VIEW structs AS
SELECT f.file_name, f.file_modification_time IS NOT NULL AS has_time
FROM (SELECT first(_metadata) AS f FROM events WHERE id = 1);
