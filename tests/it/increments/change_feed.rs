//! The change data feed of tables, as the `deltalake` package reads it.

use std::process::Command;

use super::{run_local, write_job};
use crate::{data, gold};

const JOB: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE landed (id INT) USING json LOCATION '${landing}/events';
CREATE STREAMING TABLE events TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true') AS
SELECT id FROM STREAM landed;
CREATE MATERIALIZED VIEW counted TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true') AS
SELECT CAST(count(*) AS INT) AS id FROM events;
";

/// Prints the protocol of a table and its changes, sorted by version.
const READ: &str = "
import sys
from deltalake import DeltaTable
for name in sys.argv[2:]:
    table = DeltaTable(f'{sys.argv[1]}/{name}')
    protocol = table.protocol()
    rows = table.load_cdf(starting_version=0).read_all()
    columns = [rows.column(name).to_pylist() for name in ('_commit_version', '_change_type', 'id')]
    changes = sorted(zip(*columns))
    print(name, protocol.min_reader_version, protocol.min_writer_version, changes)
";

#[test]
fn readers_get_the_rows_that_each_version_has_added_and_removed() {
    let requirements = ("SLUICE_PYTHON", "deltalake", "requirements.txt");
    let (variable, packages, file) = requirements;
    let Some(python) = gold::find_python_with(variable, packages, file) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (landing, gold) = (folder.path().join("landing"), folder.path().join("gold"));
    let job = write_job(folder.path(), JOB);
    for (file, lines) in [("a", "{\"id\":1}\n"), ("b", "{\"id\":2}\n{\"id\":3}\n")] {
        data::write_file(&landing.join(format!("events/{file}.json")), lines);
        run_local(&job, &landing, &gold).expect_code(0);
    }
    let read = Command::new(python)
        .args(["-c", READ])
        .arg(&gold)
        .args(["events", "counted"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{errors}");
    assert_eq!(
        String::from_utf8_lossy(&read.stdout),
        "events 1 4 [(0, 'insert', 1), (1, 'insert', 2), (1, 'insert', 3)]\n\
         counted 1 4 [(0, 'insert', 1), (1, 'delete', 1), (1, 'insert', 3)]\n"
    );
}
