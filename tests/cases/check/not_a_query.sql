-- error: E0412
-- message: cannot lock rows
-- message: leave FOR UPDATE out
CREATE EXTERNAL TABLE events (id INT) STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT id FROM events FOR UPDATE;
