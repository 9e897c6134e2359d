//! A bucket on the S3 server that `SLUICE_TEST_S3` names, such as moto.

use std::path::Path;

use crate::{gold, http};

/// A new bucket.
#[derive(Debug)]
pub struct Bucket {
    /// `host:port` of the server.
    address: String,
    name: String,
}

impl Bucket {
    /// Creates a bucket. Without a server it prints so and gives nothing; in CI
    /// there must be one.
    pub fn create(name: &str) -> Option<Self> {
        let Ok(url) = std::env::var("SLUICE_TEST_S3") else {
            assert!(
                std::env::var_os("SLUICE_CI").is_none(),
                "CI sets SLUICE_TEST_S3"
            );
            eprintln!("SKIPPED: set SLUICE_TEST_S3 to the URL of an S3 server to test against it");
            return None;
        };
        let address = url.strip_prefix("http://").expect("an http:// URL");
        let bucket = Self {
            address: address.trim_end_matches('/').to_owned(),
            name: format!("{name}-{}", std::process::id()),
        };
        bucket.send_request("PUT", "", &[]);
        Some(bucket)
    }

    /// `s3://bucket/key`.
    pub fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// The environment variables that a process needs to reach it.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Copies a folder's files below `prefix`.
    pub fn upload(&self, folder: &Path, prefix: &str) {
        for path in gold::files_below(folder).into_keys() {
            let bytes = std::fs::read(folder.join(&path)).unwrap();
            self.send_request("PUT", &format!("{prefix}/{}", path.display()), &bytes);
        }
    }

    /// Copies all objects below `prefix` into a folder.
    pub fn download(&self, prefix: &str, folder: &Path) {
        let listing = self.send_request("GET", "?list-type=2&max-keys=1000", &[]);
        let listing = String::from_utf8(listing).unwrap();
        assert!(listing.contains("<IsTruncated>false"), "{listing}");
        let keys = listing.split("<Key>").skip(1);
        for key in keys.map(|rest| rest.split("</Key>").next().unwrap()) {
            let Some(path) = key.strip_prefix(&format!("{prefix}/")) else {
                continue;
            };
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, self.send_request("GET", key, &[])).unwrap();
        }
    }

    fn send_request(&self, method: &str, key: &str, body: &[u8]) -> Vec<u8> {
        let path = format!("/{}/{key}", self.name);
        let (status, answer) =
            http::send_request(&self.address, method, &path, AUTHORIZATION, body).unwrap();
        let text = String::from_utf8_lossy(&answer);
        assert_eq!(status, 200, "{method} {path}: {text}");
        answer
    }
}

/// Authenticates as the owner of what the processes write. A server for tests
/// does not check signatures.
const AUTHORIZATION: &str = "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, \
                     SignedHeaders=host, Signature=0\r\n";

/// The secret that the processes get; it must not appear in any output.
pub const SECRET: &str = "s3-secret-that-nobody-may-see";
