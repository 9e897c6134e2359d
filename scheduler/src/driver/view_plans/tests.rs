//! What views read, through other relations.

use sluice_jobfile::{ScopeRequest, parse_job_file};

use super::*;

const JOB: &str = "
DECLARE VARIABLE landing STRING;
CREATE EXTERNAL TABLE s (id INT) STORED AS JSON LOCATION '${landing}/s';
CREATE STREAMING TABLE t AS SELECT id FROM STREAM s;
CREATE STREAMING TABLE u AS SELECT id FROM STREAM t;
CREATE TEMPORARY VIEW both AS SELECT t.id FROM t JOIN u ON t.id = u.id;
CREATE MATERIALIZED VIEW a AS SELECT id FROM both;
CREATE MATERIALIZED VIEW b AS SELECT id FROM a UNION SELECT id FROM u;
CREATE MATERIALIZED VIEW c AS SELECT id FROM s;
CREATE MATERIALIZED VIEW d AS SELECT b.id FROM b JOIN c ON b.id = c.id;
CREATE MATERIALIZED VIEW e AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW f AS SELECT id FROM b;
";

fn job() -> CheckedJob {
    let file = parse_job_file("job.sql", JOB).unwrap();
    let parameters = [("landing".to_owned(), "l".to_owned())];
    file.bind_parameters(&parameters.into()).unwrap()
}

fn reads(request: ScopeRequest) -> Vec<(String, String, String)> {
    let job = job();
    let scope = RunScope::resolve(&request, &job).unwrap();
    let text = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(" ");
    find_reads(&job, &scope)
        .into_iter()
        .map(|(dataset, reads)| (dataset.name.clone(), text(reads.tables), text(reads.views)))
        .collect()
}

#[test]
fn a_view_reads_tables_through_views() {
    let expected = [("a", "t u", ""), ("b", "t u", "a"), ("f", "t u", "b")];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(reads(ScopeRequest::default()), expected);
}

#[test]
fn what_a_view_reads_through_other_materialized_views_is_told_apart() {
    let job = job();
    let scope = RunScope::resolve(&ScopeRequest::default(), &job).unwrap();
    let mut through = find_reads(&job, &scope)
        .into_iter()
        .map(|(dataset, reads)| {
            let tables: Vec<&str> = reads.through_views.into_iter().collect();
            (dataset.name.as_str(), tables.join(" "))
        });
    // `both` is no table of its own.
    assert_eq!(through.next(), Some(("a", String::new())));
    assert_eq!(through.next(), Some(("b", "t u".to_owned())));
}

#[test]
fn what_reads_a_view_that_is_not_refreshed_is_not_known() {
    let request = ScopeRequest {
        refresh: vec!["b".to_owned(), "f".to_owned()],
        ..ScopeRequest::default()
    };
    assert_eq!(reads(request), []);
}
