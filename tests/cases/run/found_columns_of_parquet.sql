-- file copy: orders/orders.parquet
--| orders.parquet
-- schema: all_columns
--| id integer
--| at timestamp
--| home struct<city:string>
--| items array<struct<sku:string,qty:integer>>
--| unread string
-- result: counted
--| n
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE MATERIALIZED VIEW all_columns AS SELECT * FROM parquet.`${landing}/orders`;
CREATE MATERIALIZED VIEW counted AS
SELECT count(*) AS n FROM read_files('${landing}/orders', format => 'parquet');
