//! What a submission asks for, in a form that distinguishes repeats from other jobs
//! and holds no secret.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use sha2::{Digest as _, Sha256};
use sluice_proto::v1::{RunScope, SubmitJobRequest};

/// Salted hashes of a job's text, parameters, scope and gold folder. They are kept with
/// the job's record, which has its parameters only in redacted form.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Fingerprint {
    #[prost(bytes = "vec", tag = "1")]
    salt: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    text: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    gold: Vec<u8>,
    #[prost(btree_map = "string, bytes", tag = "4")]
    params: BTreeMap<String, Vec<u8>>,
    /// Of the scope; empty when the job refreshes all datasets.
    #[prost(bytes = "vec", tag = "5")]
    scope: Vec<u8>,
}

impl Fingerprint {
    /// The fingerprint of a submission whose tables go to the folder `gold`.
    pub(super) fn new(request: &SubmitJobRequest, gold: &str) -> Self {
        let salt = uuid::Uuid::new_v4().into_bytes().to_vec();
        Self::with_salt(salt, request, gold)
    }

    fn with_salt(salt: Vec<u8>, request: &SubmitJobRequest, gold: &str) -> Self {
        let hash_bytes = |bytes: &[u8]| {
            let mut hash = Sha256::new();
            hash.update(&salt);
            hash.update(bytes);
            hash.finalize().to_vec()
        };
        let hash = |text: &str| hash_bytes(text.as_bytes());
        let scope = request
            .scope
            .as_ref()
            .filter(|scope| **scope != RunScope::default());
        Self {
            text: hash(&request.text),
            gold: hash(gold),
            scope: scope.map_or_else(Vec::new, |scope| hash_bytes(&scope.encode_to_vec())),
            params: request
                .params
                .iter()
                .map(|(name, value)| (normalize_name(name), hash(value)))
                .collect(),
            salt,
        }
    }

    /// What another submission asks for differently, for a message; empty when it
    /// asks for the same job.
    pub(super) fn find_differences(&self, request: &SubmitJobRequest, gold: &str) -> Vec<String> {
        let other = Self::with_salt(self.salt.clone(), request, gold);
        let mut differences = Vec::new();
        if self.text != other.text {
            differences.push("the text of the job file".to_owned());
        }
        let names: BTreeSet<&String> = self.params.keys().chain(other.params.keys()).collect();
        let changed = names
            .into_iter()
            .filter(|name| self.params.get(*name) != other.params.get(*name));
        differences.extend(changed.map(|name| format!("the parameter `{name}`")));
        if self.scope != other.scope {
            differences.push("the datasets to refresh".to_owned());
        }
        if self.gold != other.gold && differences.is_empty() {
            differences.push("the gold folder".to_owned());
        }
        differences
    }
}

/// Names of parameters differ neither by case nor by `-` and `_`.
fn normalize_name(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str, params: &[(&str, &str)]) -> SubmitJobRequest {
        SubmitJobRequest {
            text: text.to_owned(),
            params: params
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..SubmitJobRequest::default()
        }
    }

    #[test]
    fn repeats_are_told_from_other_jobs() {
        let first = request("SELECT 1", &[("gold", "/g"), ("api_token", "s3cret")]);
        let known = Fingerprint::new(&first, "/g");
        assert_eq!(known.find_differences(&first, "/g"), Vec::<String>::new());
        let repeat = SubmitJobRequest {
            name: "another name".to_owned(),
            timeout_ms: 7,
            ..request("SELECT 1", &[("GOLD", "/g"), ("api-token", "s3cret")])
        };
        assert_eq!(known.find_differences(&repeat, "/g"), Vec::<String>::new());
        let other = request("SELECT 2", &[("gold", "/h"), ("day", "1")]);
        assert_eq!(
            known.find_differences(&other, "/h"),
            [
                "the text of the job file",
                "the parameter `api_token`",
                "the parameter `day`",
                "the parameter `gold`"
            ]
        );
        assert_eq!(known.find_differences(&first, "/h"), ["the gold folder"]);
        let all = SubmitJobRequest {
            scope: Some(RunScope::default()),
            ..first.clone()
        };
        assert_eq!(known.find_differences(&all, "/g"), Vec::<String>::new());
        let again = SubmitJobRequest {
            scope: Some(RunScope {
                full_refresh_all: true,
                ..RunScope::default()
            }),
            ..first
        };
        assert_eq!(
            known.find_differences(&again, "/g"),
            ["the datasets to refresh"]
        );
    }

    #[test]
    fn no_value_can_be_read_from_a_fingerprint() {
        let submission = request("SELECT 1", &[("token", "s3cret")]);
        let (one, other) = (
            Fingerprint::new(&submission, "/g"),
            Fingerprint::new(&submission, "/g"),
        );
        assert_ne!(one, other, "each has a salt of its own");
        let bytes = one.encode_to_vec();
        assert!(!bytes.windows(6).any(|part| part == b"s3cret"));
        assert_eq!(Fingerprint::decode(bytes.as_slice()).unwrap(), one);
    }
}
