//! Relations, their order, and what the query parser accepts.

use std::collections::BTreeMap;

use sluice_jobfile::{
    Compression, DataType, Format, Job, ParseMode, Relation, Source, parse_job_file,
};

fn job(text: &str) -> Job {
    parse_job_file("job.sql", text)
        .and_then(|file| file.bind_parameters(&BTreeMap::new()))
        .unwrap_or_else(|e| panic!("{}", e.render_snippets(text, false)))
}

fn source(text: &str) -> Source {
    let text = format!("{text}; CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT * FROM s");
    match job(&text).relations.into_iter().next() {
        Some(Relation::Source(source)) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn relations_come_after_what_they_read_and_else_in_file_order() {
    let job = job("
        CREATE OR REFRESH MATERIALIZED VIEW d AS SELECT * FROM c, b;
        CREATE OR REFRESH MATERIALIZED VIEW c AS SELECT * FROM a WHERE x IN (SELECT x FROM s2);
        CREATE TEMPORARY VIEW b AS WITH s1 AS (SELECT * FROM s1) SELECT * FROM s1 UNION ALL SELECT * FROM S1;
        CREATE EXTERNAL TABLE s1 (x INT) STORED AS JSON LOCATION 'x';
        CREATE EXTERNAL TABLE s2 (x INT) STORED AS JSON LOCATION 'x';
        CREATE TEMPORARY VIEW a AS SELECT * FROM s2 JOIN LATERAL (SELECT * FROM s1) q ON true;");
    let names: Vec<_> = job.relations.iter().map(Relation::name).collect();
    assert_eq!(names, ["s1", "b", "s2", "a", "c", "d"]);
    let reads = |name: &str| {
        let relation = job.relations.iter().find(|r| r.name() == name).unwrap();
        relation.depends_on().to_vec()
    };
    assert_eq!(reads("d"), ["c", "b"]);
    assert_eq!(reads("c"), ["a", "s2"]);
    assert_eq!(
        reads("b"),
        ["s1"],
        "a common table expression hides what it is named after"
    );
    assert_eq!(reads("a"), ["s2", "s1"]);
}

#[test]
fn sources_keep_the_keys_of_json() {
    let s = source(
        "CREATE EXTERNAL TABLE s (eventId STRING NOT NULL COMMENT 'x', `Weird Name` INT,
           a STRUCT<B: ARRAY<STRUCT<c INT NOT NULL, d: DECIMAL(38, 18)>>, e: MAP<STRING, ARRAY<INT>>>)
         STORED AS JSON LOCATION 'x' OPTIONS ('maxLineBytes' '1MB', compression zstd)",
    );
    let names: Vec<_> = s
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.source_name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("eventid", "eventId"),
            ("Weird Name", "Weird Name"),
            ("a", "a")
        ]
    );
    assert!(!s.columns[0].nullable);
    assert_eq!(
        s.columns[2].ty.to_string(),
        "STRUCT<B: ARRAY<STRUCT<c: INT NOT NULL, d: DECIMAL(38, 18)>>, e: MAP<STRING, ARRAY<INT>>>"
    );
    assert_eq!((s.format, s.mode), (Format::Json, ParseMode::Permissive));
    assert_eq!(
        (s.compression, s.max_line_bytes),
        (Compression::Zstd, 1 << 20)
    );
    assert_eq!(s.max_line_bytes, 1024 * 1024);
}

#[test]
fn every_type_reads_back_as_it_is_shown() {
    let all = "a BOOLEAN, b BYTE, c SHORT, d INTEGER, e LONG, f REAL, g DOUBLE PRECISION,
        h NUMERIC(5), i VARCHAR, j BINARY, k DATE, l TIMESTAMP_LTZ, m TIMESTAMP WITHOUT TIME ZONE,
        n ARRAY<ARRAY<ARRAY<TEXT>>>, o MAP<STRING, MAP<STRING, INT>>, p TIMESTAMP WITH TIME ZONE";
    let declared = |columns: &str| {
        source(&format!(
            "CREATE EXTERNAL TABLE s ({columns}) STORED AS JSON LOCATION 'x'"
        ))
        .columns
    };
    let first = declared(all);
    let shown: Vec<String> = first
        .iter()
        .map(|c| format!("{} {}", c.name, c.ty))
        .collect();
    let second = declared(&shown.join(", "));
    let types = |columns: &[sluice_jobfile::Column]| -> Vec<DataType> {
        columns.iter().map(|c| c.ty.clone()).collect()
    };
    assert_eq!(types(&first), types(&second));
    assert_eq!(first[12].ty, DataType::TimestampNtz);
    assert_eq!(first[15].ty, DataType::Timestamp);
}

#[test]
fn csv_options_have_meanings() {
    let s = source(
        "CREATE EXTERNAL TABLE s (a INT) STORED AS CSV LOCATION 'x'
         OPTIONS (header 'true', sep '\\t', quote '', escape '\\\\', nullValue 'NA', mode dropmalformed)",
    );
    assert!(s.csv.header);
    assert_eq!(
        (s.csv.delimiter, s.csv.quote, s.csv.escape),
        (b'\t', None, Some(b'\\'))
    );
    assert_eq!(
        (s.csv.null_value.as_str(), s.mode),
        ("NA", ParseMode::DropMalformed)
    );
}

#[test]
fn datasets_have_partitions_order_and_keys() {
    let job = job("
        CREATE EXTERNAL TABLE s (a INT) STORED AS JSON LOCATION 'x';
        CREATE MATERIALIZED VIEW t (CONSTRAINT k PRIMARY KEY (A, `B`))
        PARTITIONED BY (Day, country) COMMENT 'c'
        TBLPROPERTIES ('Sluice.Sort_By' = 'a, `B` DESC, c ASC NULLS LAST', sluice.target_file_size = 64MB)
        AS SELECT * FROM s;");
    let Relation::Dataset(t) = &job.relations[1] else {
        panic!("{:?}", job.relations)
    };
    let values = |list: &[sluice_jobfile::Spanned<String>]| -> Vec<String> {
        list.iter().map(|x| x.value.clone()).collect()
    };
    assert_eq!(values(&t.partition_by), ["day", "country"]);
    assert_eq!(values(&t.primary_key), ["a", "B"]);
    let keys: Vec<_> = t
        .sort_by
        .iter()
        .map(|k| (k.column.as_str(), k.descending, k.nulls_first))
        .collect();
    assert_eq!(
        keys,
        [("a", false, true), ("B", true, false), ("c", false, false)]
    );
    assert_eq!(t.target_file_size, Some(64 << 20));
    assert_eq!(t.comment.as_deref(), Some("c"));
    assert_eq!(job.warnings.len(), 1, "the key is not enforced");
}

fn planned(query: &str) -> String {
    let text = format!(
        "CREATE EXTERNAL TABLE s (a INT) STORED AS JSON LOCATION 'x';
         CREATE OR REFRESH MATERIALIZED VIEW t AS {query};"
    );
    job(&text).relations[1].query().unwrap().to_string()
}

#[test]
fn spellings_of_spark_become_those_of_the_engine() {
    for (given, expected) in [
        (
            "SELECT a RLIKE '^x' AS r FROM s",
            "SELECT a ~ '^x' AS r FROM s",
        ),
        (
            "SELECT a NOT RLIKE 'x' AS r FROM s",
            "SELECT a !~ 'x' AS r FROM s",
        ),
        (
            "SELECT CAST(a AS LONG) AS r FROM s",
            "SELECT CAST(a AS BIGINT) AS r FROM s",
        ),
        (
            "SELECT a::SHORT AS r FROM s",
            "SELECT a::SMALLINT AS r FROM s",
        ),
        (
            "SELECT CAST(a AS TIMESTAMP_NTZ) AS r FROM s",
            "SELECT CAST(a AS TIMESTAMP(6) WITHOUT TIME ZONE) AS r FROM s",
        ),
        (
            "SELECT array(1, 2) AS r FROM s",
            "SELECT array(1, 2) AS r FROM s",
        ),
        (
            "SELECT exists(a, x -> x > 1) AS r FROM s",
            "SELECT exists(a, x -> x > 1) AS r FROM s",
        ),
        (
            "SELECT f(a, (x, y) -> x + y) AS r, j -> 'k' AS k FROM s",
            "SELECT f(a, (x, y) -> x + y) AS r, j -> 'k' AS k FROM s",
        ),
        (
            "SELECT a FROM s WHERE EXISTS (SELECT 1 FROM s)",
            "SELECT a FROM s WHERE EXISTS (SELECT 1 FROM s)",
        ),
    ] {
        assert_eq!(planned(given), expected);
    }
}

#[test]
fn a_view_with_columns_renames_those_of_its_query() {
    let job = job("
        CREATE EXTERNAL TABLE s (a INT) STORED AS JSON LOCATION 'x';
        CREATE TEMPORARY VIEW v (X, y) AS SELECT a, a + 1 FROM s;
        CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT x, y FROM v;");
    assert_eq!(
        job.relations[1].query().unwrap().to_string(),
        "SELECT * FROM (SELECT a, a + 1 FROM s) AS `v` (X, `y`)"
    );
}

#[test]
fn spans_of_the_syntax_tree_are_spans_of_the_file() {
    use sqlparser::ast::{SelectItem, SetExpr, Spanned};
    let text = "\n-- ä\nCREATE EXTERNAL TABLE s (a INT) STORED AS JSON LOCATION 'x';\n\
        CREATE OR REFRESH MATERIALIZED VIEW t AS\n  SELECT 'ü',\n    a FROM s;";
    let job = job(text);
    let SetExpr::Select(select) = job.relations[1].query().unwrap().body.as_ref() else {
        panic!("not a select")
    };
    let SelectItem::UnnamedExpr(expr) = &select.projection[1] else {
        panic!("{:?}", select.projection)
    };
    let span = expr.span();
    assert_eq!((span.start.line, span.start.column), (6, 5));
}
