//! Jobs that read several gold tables of another job: all at the versions that belong
//! together.

use std::path::Path;
use std::process::Command;

use super::{Landing, crash_local, read_numbers, run_local, versions};
use crate::{data, gold, repository, submit};

const MAKER: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT) USING json LOCATION '${landing}/events';
CREATE MATERIALIZED VIEW one AS SELECT id FROM events;
CREATE MATERIALIZED VIEW two AS SELECT id FROM events;
";

const READER: &str = "
DECLARE VARIABLE made STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE one (id BIGINT) STORED AS PARQUET LOCATION '${made}/one';
CREATE EXTERNAL TABLE two (id BIGINT) STORED AS PARQUET LOCATION '${made}/two';
CREATE MATERIALIZED VIEW counts AS
SELECT (SELECT count(*) FROM one) AS one, (SELECT count(*) FROM two) AS two;
";

/// What other readers count at the newest cut: for each table its name, its version, and
/// the rows that three readers find. `None` when they are not installed.
fn count_with_other_readers(gold: &Path) -> Option<String> {
    let python = gold::find_python_with(
        "SLUICE_FILTERS_PYTHON",
        "duckdb, duckdb_extension_delta, deltalake, polars, pyarrow",
        "filters-requirements.txt",
    )?;
    let script = repository::root().join("tests/readers/read_cut.py");
    let output = Command::new(python).arg(script).arg(gold).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn tables_that_a_job_has_not_published_are_read_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let (made, gold) = (folder.path().join("made"), folder.path().join("gold"));
    let mut landing = Landing::new(folder.path().join("landing"));
    let maker = folder.path().join("maker.sql");
    data::write_file(&maker, MAKER);
    let reader = folder.path().join("reader.sql");
    data::write_file(&reader, READER);
    let read = || {
        let args = ["--master", "local[2]", reader.to_str().unwrap()];
        let folders = [
            "--made",
            made.to_str().unwrap(),
            "--gold",
            gold.to_str().unwrap(),
        ];
        submit::run_submit(args.into_iter().chain(folders)).expect_code(0);
        let newest = versions(&gold)["counts"];
        ["one", "two"].map(|table| read_numbers(&gold.join("counts"), newest, table)[0])
    };
    landing.land();
    run_local(&maker, &landing.folder, &made).expect_code(0);
    assert_eq!(read(), [3, 3]);
    // Both tables have their version, and no cut names it.
    landing.land();
    crash_local("publish.before", &maker, &landing.folder, &made);
    assert!(versions(&made).values().all(|version| *version == 1));
    assert_eq!(read(), [3, 3]);
    if let Some(counted) = count_with_other_readers(&made) {
        assert_eq!(counted, "one 0 3 3 3\ntwo 0 3 3 3\n");
    }
    // Another writer publishes nothing: what it has written counts.
    let entry = r#"{"commitInfo":{"timestamp":1,"engineInfo":"another writer"}}"#;
    let path = made.join("one/_delta_log/00000000000000000002.json");
    data::write_file(&path, entry);
    assert_eq!(read(), [6, 3]);
    run_local(&maker, &landing.folder, &made).expect_code(0);
    assert_eq!(read(), [6, 6]);
}
