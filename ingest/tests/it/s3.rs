//! Tests landing in a bucket of the S3 server that `SLUICE_TEST_S3` names, such
//! as moto's. Without one, the test is skipped with a printed notice; in CI that
//! is an error.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use sluice_service::crash::POINT_VARIABLE;
use sluice_storage::{StoreOptions, StorePath, Stores};

use crate::checker::assert_exact;
use crate::cluster::Cluster as _;
use crate::join::joined_entries;
use crate::mock::mock_broker;
use crate::process::{print_line, program_command, run_failing, run_successfully};
use crate::records::produce_mixed;

const SECRET: &str = "s3-secret-that-nobody-may-see";

struct Bucket {
    endpoint: String,
    name: String,
}

impl Bucket {
    fn create() -> Option<Self> {
        let Ok(endpoint) = std::env::var("SLUICE_TEST_S3") else {
            let message = "set SLUICE_TEST_S3 to the URL of an S3 server to test against it";
            assert!(std::env::var_os("SLUICE_CI").is_none(), "{message}");
            print_line(&format!("SKIPPED: {message}"));
            return None;
        };
        let host = endpoint
            .strip_prefix("http://")
            .expect("an http:// URL")
            .trim_end_matches('/')
            .to_owned();
        let name = format!("landing-{}", std::process::id());
        let mut stream = TcpStream::connect(&host).unwrap();
        write!(
            stream,
            "PUT /{name} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.lines().next().unwrap().ends_with("200 OK"),
            "{answer}"
        );
        Some(Self { endpoint, name })
    }

    fn url(&self) -> String {
        format!("s3://{}/landing", self.name)
    }

    /// Adds the environment that a command needs to reach the bucket.
    fn with_credentials(&self, mut command: Command) -> Command {
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", SECRET);
        command
    }

    fn ingest_command(&self, address: &str, topic: &str) -> Command {
        let url = self.url();
        let args = ["--bootstrap-servers", address, "--topic", topic];
        let more = [
            "--until-caught-up",
            "--roll-size",
            "2KiB",
            "--landing",
            &url,
        ];
        self.with_credentials(program_command(&[&args[..], &more[..]].concat()))
    }

    /// Copies everything into a local folder.
    fn download(&self, folder: &Path) {
        let mut options = StoreOptions::new();
        for (key, value) in [
            ("sluice.s3.endpoint", self.endpoint.as_str()),
            ("sluice.s3.region", "us-east-1"),
            ("sluice.s3.access_key_id", "test"),
            ("sluice.s3.secret_access_key", SECRET),
            ("sluice.s3.allow_http", "true"),
        ] {
            options.set(key, value).unwrap();
        }
        let stores = Stores::new(options);
        let place = stores
            .open(&stores.parse_location(&self.url()).unwrap())
            .unwrap();
        let StorePath { store, location } = place;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let objects: Vec<_> = store
                .list(Some(location.path()))
                .try_collect()
                .await
                .unwrap();
            for object in objects {
                let bytes = store
                    .get(&object.location)
                    .await
                    .unwrap()
                    .bytes()
                    .await
                    .unwrap();
                let below = object.location.as_ref().strip_prefix("landing/").unwrap();
                let path = folder.join(below);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        });
    }
}

/// Joins the small files of a bucket in processes that are killed at each step.
fn join_in_bucket(bucket: &Bucket, url: &str) {
    let args = [
        "join",
        "--landing",
        url,
        "--min-files",
        "4",
        "--min-age",
        "0s",
        "--keep",
        "0s",
    ];
    let join = || bucket.with_credentials(program_command(&args));
    for point in [
        "join.2b",
        "join.3a",
        "join.3b",
        "join.4a",
        "join.4b",
        "join.4b@3",
    ] {
        let mut killed = join();
        killed.env(POINT_VARIABLE, point);
        let output = killed.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), None, "{point} was not passed: {said}");
    }
    // The files of killed runs are orphans; the first entry that was appended counts.
    run_successfully(join());
}

#[test]
fn a_bucket_is_as_good_as_a_folder() {
    let Some(bucket) = Bucket::create() else {
        return;
    };
    let (address, topic) = (mock_broker().address(), mock_broker().new_topic(3));
    // Runs are killed at each step around the commit; the next run continues.
    for point in ["landing.3b", "landing.5b", "landing.6a", "landing.6b"] {
        produce_mixed(&address, &topic, 3, 120, point);
        let mut killed = bucket.ingest_command(&address, &topic);
        killed.env(POINT_VARIABLE, point);
        let output = killed.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), None, "{point} was not passed: {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    let runs: Vec<Child> = (0..2)
        .map(|_| bucket.ingest_command(&address, &topic).spawn().unwrap())
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }
    let landing = tempfile::tempdir().unwrap();
    bucket.download(landing.path());
    assert_eq!(assert_exact(&address, &topic, landing.path()), 480);
    let url = bucket.url();
    join_in_bucket(&bucket, &url);
    let landing = tempfile::tempdir().unwrap();
    bucket.download(landing.path());
    let folder = landing.path().join(&topic);
    let joined = joined_entries(&folder);
    assert_eq!(joined.len(), 1);
    assert_eq!(assert_exact(&address, &topic, landing.path()), 480);
    // Of each partition one small file stays. Those of killed runs are orphans.
    let parts = joined[0]["body"]["rows"]["parts"].as_array().unwrap();
    let stays = |part: &&serde_json::Value| folder.join(part["path"].as_str().unwrap()).exists();
    assert_eq!(parts.iter().filter(stays).count(), 3);
    let verified =
        run_successfully(bucket.with_credentials(program_command(&["verify", "--landing", &url])));
    assert!(verified.contains("432 rows, 48 rejects") && verified.contains("no problems"));
    let nowhere = [
        "status",
        "--landing",
        "s3://there-is-no-such-bucket/landing",
    ];
    let said = run_failing(bucket.with_credentials(program_command(&nowhere)), 9);
    assert!(said.contains("there-is-no-such-bucket"), "{said}");
}
