//! Binding parameters to variables.

use std::collections::BTreeMap;

use sluice_jobfile::{DataType, Diagnostics, Job, Relation, parse_job_file};

fn params(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn bind(text: &str, pairs: &[(&str, &str)]) -> Result<Job, Diagnostics> {
    parse_job_file("job.sql", text)?.bind_parameters(&params(pairs))
}

fn query(job: &Job, name: &str) -> String {
    let relation = job.relations.iter().find(|r| r.name() == name).unwrap();
    relation.query().unwrap().to_string()
}

const SOURCE: &str =
    "CREATE EXTERNAL TABLE s (id STRING, n INT, tags ARRAY<STRING>) STORED AS JSON LOCATION 'x';\n";

#[test]
fn variables_describe_the_parameters_of_a_job() {
    let text = "-- Not about landing.\n\n\
        DECLARE VARIABLE landing STRING; -- where events arrive\n\
        -- The day to compute,\n-- as YYYY-MM-DD.\n\
        DECLARE VARIABLE run_date DATE DEFAULT '2024-05-31';\n\
        DECLARE VARIABLE path STRING = '${landing}/x';\n\
        DECLARE VARIABLE share DEFAULT -0.5;\n\
        DECLARE VARIABLE again DATE DEFAULT run_date;\n\
        DECLARE nothing INT DEFAULT NULL;\n"
        .to_owned()
        + SOURCE
        + "CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT id, landing AS a, path AS b, share AS c, again AS d, nothing AS e FROM s;";
    let file = parse_job_file("job.sql", &text).unwrap();
    let shown: Vec<_> = file
        .variables()
        .iter()
        .map(|v| {
            (
                v.name.as_str(),
                v.ty.clone(),
                v.default.as_deref(),
                v.comment.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "landing",
                DataType::String,
                None,
                Some("where events arrive")
            ),
            (
                "run_date",
                DataType::Date,
                Some("2024-05-31"),
                Some("The day to compute, as YYYY-MM-DD.")
            ),
            ("path", DataType::String, Some("${landing}/x"), None),
            ("share", DataType::Double, Some("-0.5"), None),
            ("again", DataType::Date, Some("${run_date}"), None),
            ("nothing", DataType::Int, Some("NULL"), None),
            (
                "gold",
                DataType::String,
                Some("NULL"),
                Some("the folder of the tables")
            ),
        ]
    );
    assert!(file.variables()[0].is_required());
    let job = file
        .bind_parameters(&params(&[("landing", "/in"), ("run-date", "2024-06-01")]))
        .unwrap();
    assert_eq!(
        query(&job, "t"),
        "SELECT id, '/in' AS a, '/in/x' AS b, CAST('-0.5' AS DOUBLE) AS c, \
         CAST('2024-06-01' AS DATE) AS d, CAST(NULL AS INT) AS e FROM s"
    );
}

#[test]
fn the_folder_of_the_tables_need_not_be_declared() {
    let text =
        format!("{SOURCE} CREATE MATERIALIZED VIEW t AS SELECT id, gold, '${{gold}}' FROM s;");
    // Only what is declared is a variable in queries.
    let problems = parse_job_file("job.sql", &text).unwrap_err();
    assert!(problems.to_string().contains("gold"), "{problems}");
    let text = text.replace(", '${gold}'", "");
    let job = bind(&text, &[("gold", "/g")]).unwrap();
    assert_eq!(job.gold_location(), Some("/g"));
    assert_eq!(query(&job, "t"), "SELECT id, gold FROM s");
    assert_eq!(bind(&text, &[]).unwrap().gold_location(), None);
}

#[test]
fn values_stand_wherever_a_variable_may() {
    let text = format!(
        "DECLARE VARIABLE most INT; DECLARE VARIABLE who STRING; {SOURCE}
        CREATE OR REFRESH MATERIALIZED VIEW t AS
        SELECT who, count(*) AS n, `who` AS quoted, q.who AS qualified,
               array_filter(tags, who -> who <> '') AS lambda, who['a'] AS part
        FROM (SELECT * FROM s) q WHERE id = WHO OR id LIKE '${{who}}%$${{who}}'
        GROUP BY who, most HAVING count(*) > most ORDER BY n LIMIT most OFFSET most;"
    );
    let job = bind(&text, &[("most", "5"), ("who", "o'k ${most}")]).unwrap();
    assert_eq!(
        query(&job, "t"),
        "SELECT 'o''k ${most}' AS who, count(*) AS n, `who` AS quoted, q.who AS qualified, \
         array_filter(tags, who -> who <> '') AS lambda, who['a'] AS part \
         FROM (SELECT * FROM s) q WHERE id = 'o''k ${most}' OR id LIKE 'o''k ${most}%${who}' \
         GROUP BY 'o''k ${most}', CAST('5' AS INT) HAVING count(*) > CAST('5' AS INT) \
         ORDER BY n LIMIT 5 OFFSET 5"
    );
}

#[test]
fn strings_outside_queries_take_variables_too() {
    let text = "DECLARE VARIABLE landing STRING; DECLARE VARIABLE mode STRING; DECLARE VARIABLE size STRING;
        SET sluice.target_file_size = '${size}';
        CREATE EXTERNAL TABLE s (id STRING) STORED AS JSON LOCATION '${landing}/s$${x}' OPTIONS (mode '${mode}');
        CREATE OR REFRESH MATERIALIZED VIEW t TBLPROPERTIES ('sluice.target_file_size' = '${size}') AS SELECT id FROM s;";
    let given = [("landing", "/in"), ("mode", "FAILFAST"), ("size", "2MB")];
    let job = bind(text, &given).unwrap();
    assert_eq!(job.settings[0].value, "2MB");
    let Relation::Source(source) = &job.relations[0] else {
        panic!("{:?}", job.relations[0])
    };
    assert_eq!(source.location, "/in/s${x}");
    assert_eq!(source.mode.as_str(), "failfast");
    let Relation::Dataset(dataset) = &job.relations[1] else {
        panic!("{:?}", job.relations[1])
    };
    assert_eq!(dataset.target_file_size, Some(2 << 20));
    let wrong = [("landing", ""), ("mode", "fast"), ("size", "${x}")];
    let codes: Vec<_> = bind(text, &wrong)
        .unwrap_err()
        .into_iter()
        .map(|d| d.code)
        .collect();
    assert_eq!(codes, ["E0212", "E0208", "E0210"]);
}

#[test]
fn names_clash_only_where_a_column_is_known() {
    let job = |query: &str| {
        let text = format!(
            "DECLARE VARIABLE n INT DEFAULT 1; {SOURCE}
             CREATE TEMPORARY VIEW v AS SELECT id AS other, 1 AS m FROM s;
             CREATE OR REFRESH MATERIALIZED VIEW t AS {query};"
        );
        parse_job_file("j", &text)
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    for fine in [
        "SELECT n FROM v",
        "SELECT other, n AS n FROM v ORDER BY n",
        "SELECT x FROM (SELECT m AS x FROM v) q WHERE x = n",
        "SELECT s.n FROM s",
        "SELECT max(\"n\") AS x FROM s",
    ] {
        job(fine).unwrap_or_else(|e| panic!("{fine}: {e}"));
    }
    for clash in [
        "SELECT n FROM s",
        "SELECT id FROM v JOIN s ON id = other WHERE n > 1",
        "SELECT other AS n FROM v ORDER BY n",
        "WITH c AS (SELECT n + 1 AS k, s.n FROM s) SELECT k FROM c WHERE n = 1",
        "SELECT other FROM v WHERE EXISTS (SELECT 1 FROM s WHERE n = m)",
        "SELECT x FROM v AS q(x, n) WHERE n = 1",
    ] {
        let error = job(clash).unwrap_err();
        assert!(error.contains("E0406"), "{clash}: {error}");
    }
}

#[test]
fn all_problems_with_parameters_are_reported_at_once() {
    let text = format!(
        "DECLARE VARIABLE a INT; DECLARE VARIABLE b DATE; {SOURCE}
         CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT id, a, b FROM s;"
    );
    let error = bind(&text, &[("--a", "x"), ("c", "1")]).unwrap_err();
    let codes: Vec<_> = error.iter().map(|d| d.code.as_ref()).collect();
    assert_eq!(codes, ["E0408", "E0409", "E0407"]);
}
