-- error: E0207
-- message: unknown option `dateFormat` for a CSV source
-- message: to_date(column, 'pattern')
-- error: E0207
-- message: unknown option `columnNameOfCorruptRecord`
-- message: `_corrupt_record`
-- error: E0208
-- message: `UTF-8`: convert files in other encodings
CREATE EXTERNAL TABLE t (day DATE) STORED AS CSV LOCATION 'x'
  OPTIONS ('dateFormat' 'dd.MM.yyyy', 'columnNameOfCorruptRecord' 'bad', 'encoding' 'latin1');
CREATE OR REFRESH MATERIALIZED VIEW days AS SELECT day FROM t;
