-- ok
-- param: landing=/data/landing
-- param: RUN-DATE=2024-05-31
DECLARE VARIABLE landing STRING;          -- where the events arrive
-- The day that is computed,
-- as YYYY-MM-DD.
DECLARE OR REPLACE VARIABLE run_date DATE;
DECLARE VARIABLE top_n = 10;
DECLARE events_path STRING DEFAULT '${landing}/events';
SET sluice.shuffle_partitions = 4;
SET sluice.target_file_size = 128MB;
SET datafusion.execution.batch_size = 8192;

CREATE OR REPLACE EXTERNAL TABLE IF NOT EXISTS events (
  event_id STRING NOT NULL COMMENT 'unique, mostly',
  userId VARCHAR,
  items ARRAY<STRUCT<product_id: STRING NOT NULL, qty INT, tags: MAP<STRING, ARRAY<DECIMAL(10, 2)>>>>,
  `order` LONG,
  at TIMESTAMP, at_local TIMESTAMP_NTZ,
  _corrupt_record STRUCT<raw STRING, file STRING, line BIGINT, reason STRING>
)
STORED AS JSON
LOCATION '${events_path}'
OPTIONS ('mode' = 'PERMISSIVE', compression auto, max_line_bytes = 1MB)
COMMENT 'one per click';

CREATE EXTERNAL TABLE rates (currency STRING, rate DOUBLE) STORED AS CSV
LOCATION 's3://bucket/rates' OPTIONS (header true, sep ';', nullValue 'NA', quote '');

CREATE OR REPLACE TEMPORARY VIEW recent (id, who COMMENT 'the user', item) COMMENT 'of one day' AS
SELECT event_id, userid, unnest(items) FROM events
WHERE CAST(at AS DATE) = run_date AND event_id RLIKE '^e' AND `order` >= 0;

CREATE OR REFRESH MATERIALIZED VIEW top_users
PARTITIONED BY (day)
TBLPROPERTIES ('sluice.sort_by' = 'n DESC NULLS LAST, who', 'sluice.target_file_size' = '64MB')
COMMENT 'who clicks most'
AS SELECT who, count(*) AS n, run_date AS day, 'from ${landing}, not $${landing}' AS note
FROM recent JOIN rates ON true GROUP BY who
QUALIFY row_number() OVER (PARTITION BY who ORDER BY n) = 1
ORDER BY n DESC LIMIT top_n
