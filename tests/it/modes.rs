//! Broken lines, and what each mode does with them.

use std::path::{Path, PathBuf};

use crate::sandbox::Cluster;
use crate::{data, gold, submit};

/// Writes five lines, two of them broken; the first broken one is line 2 of
/// `b.json`.
fn write_landing(folder: &Path) {
    data::write_file(
        &folder.join("events/a.json"),
        "{\"user\":\"a\",\"n\":1}\n{\"user\":\"b\",\"n\":2}\n",
    );
    data::write_file(
        &folder.join("events/b.json"),
        "{\"user\":\"c\",\"n\":3}\nnot json\n{\"user\":\"d\",\"n\":\"many\"}\n",
    );
}

fn write_job(folder: &Path, mode: &str, columns: &str, query: &str) -> PathBuf {
    let path = folder.join(format!("{mode}.sql"));
    data::write_file(
        &path,
        &format!(
            "DECLARE VARIABLE landing STRING;\nDECLARE VARIABLE gold STRING;\n\
             CREATE EXTERNAL TABLE events ({columns}) STORED AS JSON LOCATION '${{landing}}/events'\n\
             OPTIONS ('mode' '{mode}');\n\
             CREATE OR REFRESH MATERIALIZED VIEW t AS\n{query};\n"
        ),
    );
    path
}

#[test]
fn each_mode_does_with_broken_lines_what_it_promises() {
    let cluster = Cluster::start();
    let folder = cluster.path("files");
    write_landing(&folder.join("landing"));
    let gold = folder.join("gold");
    let run = |job: &Path, master: &str| {
        let mut args = vec![
            "--master".to_owned(),
            master.to_owned(),
            "--output".to_owned(),
            "json".to_owned(),
        ];
        args.extend(submit::job_args(job, &folder.join("landing"), &gold));
        submit::run_submit(args)
    };
    let columns = "user STRING, n BIGINT";
    let broken = format!(
        "{columns}, _corrupt_record STRUCT<raw STRING, file STRING, line BIGINT, reason STRING>"
    );
    let masters = [cluster.master(), "local[2]".to_owned()];

    for (version, master) in (0..).zip(&masters) {
        let dropped = run(
            &write_job(
                &folder,
                "dropmalformed",
                columns,
                "SELECT user, n FROM events",
            ),
            master,
        )
        .expect_code(0);
        let input = &dropped.json_document()["job"]["inputs"][0];
        let counts = ["lines", "malformed", "dropped"].map(|key| input[key].as_u64().unwrap());
        assert_eq!(counts, [5, 2, 2], "{dropped}");
        let table = &gold::read_tables(&gold)["t"];
        assert_eq!((table.rows, table.version), (3, version));
    }

    let before = gold::files_below(&gold);
    for master in &masters {
        let failed = run(
            &write_job(&folder, "failfast", columns, "SELECT user, n FROM events"),
            master,
        )
        .expect_code(3);
        // Which of the two broken lines is reported depends on timing.
        assert!(failed.stderr.contains("b.json"), "{failed}");
        assert!(
            failed.stderr.contains("line 2") || failed.stderr.contains("b.json:2"),
            "{failed}"
        );
        assert_eq!(
            failed.json_document()["job"]["error"]["kind"],
            "data_quality",
            "{failed}"
        );
        assert_eq!(gold::files_below(&gold), before, "gold after failfast");
    }

    // The broken lines become rows, with file and line. Only columns that a query
    // reads are checked, so this one reads `n`.
    let query = "SELECT _corrupt_record.raw AS raw, _corrupt_record.line AS line FROM events \
                 WHERE n IS NULL AND _corrupt_record IS NOT NULL AND _corrupt_record.file LIKE '%b.json' \
                 AND _corrupt_record.reason <> '' AND _corrupt_record.line IN (2, 3)";
    for master in &masters {
        run(&write_job(&folder, "permissive", &broken, query), master).expect_code(0);
        assert_eq!(gold::row_counts(&gold)["t"], 2);
    }
    let all = "SELECT user, n, _corrupt_record.raw AS raw FROM events";
    run(&write_job(&folder, "permissive", &broken, all), &masters[0]).expect_code(0);
    assert_eq!(gold::row_counts(&gold)["t"], 5);

    // A null in a column that is declared NOT NULL.
    let before = gold::files_below(&gold);
    let strict = "user STRING NOT NULL, n BIGINT NOT NULL";
    data::write_file(
        &folder.join("landing/events/b.json"),
        "{\"user\":\"c\",\"n\":3}\n{\"user\":\"d\"}\n",
    );
    for master in &masters {
        let failed = run(
            &write_job(&folder, "failfast", strict, "SELECT user, n FROM events"),
            master,
        )
        .expect_code(3);
        assert!(
            failed.stderr.contains("b.json") && failed.stderr.contains('n'),
            "{failed}"
        );
        assert_eq!(gold::files_below(&gold), before, "gold after a null");
    }
}
