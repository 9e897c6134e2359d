//! Settings of the stores: each is declared once, and no output shows a secret.

use std::path::PathBuf;

use object_store::aws::AmazonS3ConfigKey;
use sluice_secrets::Secret;

use crate::error::StoreError;

/// One `sluice.s3.*` setting.
struct S3Setting {
    key: &'static str,
    value: ValueKind,
    config: AmazonS3ConfigKey,
}

/// What a setting's value must be.
enum ValueKind {
    Text,
    Boolean,
    HttpUrl,
}

impl S3Setting {
    const fn new(key: &'static str, value: ValueKind, config: AmazonS3ConfigKey) -> Self {
        Self { key, value, config }
    }

    /// The value for the client, or what is wrong with it. Never shows the value.
    fn check_value<'a>(&self, value: &'a str) -> Result<&'a str, &'static str> {
        let value = value.trim();
        match self.value {
            ValueKind::Boolean => match value.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Ok("true"),
                "false" | "0" | "no" | "off" => Ok("false"),
                _ => Err("must be true or false"),
            },
            _ if value.is_empty() => Err("has no value"),
            ValueKind::HttpUrl
                if !value.starts_with("http://") && !value.starts_with("https://") =>
            {
                Err("must start with http:// or https://")
            }
            ValueKind::HttpUrl | ValueKind::Text => Ok(value),
        }
    }
}

/// All of them; each wins over the variable of the S3 client with its name.
const S3_SETTINGS: &[S3Setting] = &[
    S3Setting::new(
        "sluice.s3.endpoint",
        ValueKind::HttpUrl,
        AmazonS3ConfigKey::Endpoint,
    ),
    S3Setting::new(
        "sluice.s3.region",
        ValueKind::Text,
        AmazonS3ConfigKey::Region,
    ),
    S3Setting::new(
        "sluice.s3.access_key_id",
        ValueKind::Text,
        AmazonS3ConfigKey::AccessKeyId,
    ),
    S3Setting::new(
        "sluice.s3.secret_access_key",
        ValueKind::Text,
        AmazonS3ConfigKey::SecretAccessKey,
    ),
    // An endpoint without TLS.
    S3Setting::new(
        "sluice.s3.allow_http",
        ValueKind::Boolean,
        AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp),
    ),
    // The bucket in the host name instead of the path.
    S3Setting::new(
        "sluice.s3.virtual_hosted_style",
        ValueKind::Boolean,
        AmazonS3ConfigKey::VirtualHostedStyleRequest,
    ),
];

/// How stores are accessed. `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// The folder that relative paths are resolved against; if `None`, the
    /// process's current folder.
    pub base_dir: Option<PathBuf>,
    /// The runtime that sends requests, for processes whose callers run on runtimes
    /// that end sooner than the stores: a connection ends with the runtime that
    /// opened it. If `None`, the caller's runtime.
    pub io_runtime: Option<tokio::runtime::Handle>,
    /// S3 settings; later ones win.
    s3_settings: Vec<(AmazonS3ConfigKey, Secret)>,
}

impl StoreOptions {
    /// Options with nothing set: local folders, S3 without credentials.
    pub fn new() -> Self {
        Self::default()
    }

    /// Options from the `AWS_*` variables of this process. Variables that the
    /// S3 client does not know are ignored: they may be for other tools.
    pub fn from_env() -> Self {
        Self::from_vars(
            std::env::vars_os().filter_map(|(key, value)| {
                Some((key.into_string().ok()?, value.into_string().ok()?))
            }),
        )
    }

    fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut s3_settings: Vec<_> = vars
            .into_iter()
            .filter(|(key, value)| key.starts_with("AWS_") && !value.is_empty())
            .filter_map(|(key, value)| {
                let key = key.to_ascii_lowercase().parse().ok()?;
                Some((key, Secret::new(value)))
            })
            .collect();
        // The environment has no order, and two variables may set one key.
        s3_settings.sort_by(|a: &(AmazonS3ConfigKey, Secret), b| a.0.as_ref().cmp(b.0.as_ref()));
        Self {
            base_dir: None,
            io_runtime: None,
            s3_settings,
        }
    }

    /// Sets one `sluice.s3.*` setting; it wins over the environment.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let fail = |problem: String| StoreError::Setting {
            key: key.to_owned(),
            problem,
        };
        let setting = S3_SETTINGS.iter().find(|setting| setting.key == key);
        let setting = setting.ok_or_else(|| {
            let known: Vec<_> = S3_SETTINGS.iter().map(|setting| setting.key).collect();
            fail(format!("is not known, use one of {}", known.join(", ")))
        })?;
        let value = setting
            .check_value(value)
            .map_err(|problem| fail(problem.to_owned()))?;
        self.s3_settings.push((setting.config, Secret::new(value)));
        Ok(())
    }

    /// The S3 settings, in the order in which to apply them.
    pub(crate) fn s3_settings(&self) -> impl Iterator<Item = (AmazonS3ConfigKey, &str)> {
        self.s3_settings
            .iter()
            .map(|(key, value)| (*key, value.expose()))
    }
}

#[cfg(test)]
mod tests {
    use sluice_secrets::{REDACTED, is_secret_name};

    use super::*;

    #[test]
    fn no_output_shows_a_secret() {
        let mut options = StoreOptions::from_vars([
            ("AWS_SECRET_ACCESS_KEY".to_owned(), "hunter2".to_owned()),
            ("AWS_SESSION_TOKEN".to_owned(), "hunter3".to_owned()),
            ("AWS_PAGER".to_owned(), "less".to_owned()),
            ("HOME".to_owned(), "/root".to_owned()),
        ]);
        options
            .set("sluice.s3.secret_access_key", "hunter4")
            .unwrap();
        assert_eq!(options.s3_settings().count(), 3);
        let shown = format!("{options:?}");
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains(REDACTED));
        let names = S3_SETTINGS.iter().map(|setting| setting.key);
        let secrets: Vec<_> = names.filter(|name| is_secret_name(name)).collect();
        assert_eq!(
            secrets,
            ["sluice.s3.access_key_id", "sluice.s3.secret_access_key"]
        );
    }

    #[test]
    fn settings_are_checked() {
        let mut options = StoreOptions::new();
        options.set("sluice.s3.allow_http", "Yes").unwrap();
        let (_, value) = options.s3_settings().next().unwrap();
        assert_eq!(value, "true");
        for (key, value, part) in [
            ("sluice.s3.endpont", "x", "sluice.s3.endpoint"),
            ("sluice.s3.allow_http", "maybe", "true or false"),
            ("sluice.s3.endpoint", "localhost:9000", "http://"),
            ("sluice.s3.region", " ", "no value"),
        ] {
            let error = options.set(key, value).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let error = options.set("sluice.s3.allow_http", "hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn an_explicit_setting_comes_after_the_environment() {
        let mut options =
            StoreOptions::from_vars([("AWS_REGION".to_owned(), "eu-west-1".to_owned())]);
        options.set("sluice.s3.region", "eu-north-1").unwrap();
        let values: Vec<_> = options
            .s3_settings()
            .map(|(_, value)| value.to_owned())
            .collect();
        assert_eq!(values, ["eu-west-1", "eu-north-1"]);
    }
}
