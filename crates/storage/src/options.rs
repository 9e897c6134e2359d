//! Settings of the stores: each is declared once, and no output shows a secret.

use std::fmt;
use std::path::PathBuf;

use object_store::aws::AmazonS3ConfigKey;

use crate::error::StoreError;

/// A value that `Debug` never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One setting: its key, default and meaning, for help, docs and validation.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// The key, `sluice.s3.…`.
    pub key: &'static str,
    /// What applies if it is not set.
    pub default: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    config: AmazonS3ConfigKey,
    boolean: bool,
}

const fn option_spec(
    key: &'static str,
    default: &'static str,
    description: &'static str,
    config: AmazonS3ConfigKey,
) -> OptionSpec {
    OptionSpec {
        key,
        default,
        description,
        secret: false,
        config,
        boolean: false,
    }
}

const OPTIONS: &[OptionSpec] = &[
    option_spec(
        "sluice.s3.endpoint",
        "AWS_ENDPOINT_URL, else the region's endpoint",
        "URL of an S3-compatible service",
        AmazonS3ConfigKey::Endpoint,
    ),
    option_spec(
        "sluice.s3.region",
        "AWS_REGION, else us-east-1",
        "region of the buckets",
        AmazonS3ConfigKey::Region,
    ),
    OptionSpec {
        secret: true,
        ..option_spec(
            "sluice.s3.access_key_id",
            "AWS_ACCESS_KEY_ID",
            "id of the access key",
            AmazonS3ConfigKey::AccessKeyId,
        )
    },
    OptionSpec {
        secret: true,
        ..option_spec(
            "sluice.s3.secret_access_key",
            "AWS_SECRET_ACCESS_KEY",
            "secret of the access key",
            AmazonS3ConfigKey::SecretAccessKey,
        )
    },
    OptionSpec {
        boolean: true,
        ..option_spec(
            "sluice.s3.allow_http",
            "false",
            "allow an endpoint without TLS",
            AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp),
        )
    },
    OptionSpec {
        boolean: true,
        ..option_spec(
            "sluice.s3.virtual_hosted_style",
            "false",
            "put the bucket in the host name instead of the path",
            AmazonS3ConfigKey::VirtualHostedStyleRequest,
        )
    },
];

/// How stores are accessed. `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// The folder that relative paths are resolved against; if `None`, the
    /// process's current folder.
    pub base_dir: Option<PathBuf>,
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
            s3_settings,
        }
    }

    /// Every `sluice.s3.*` setting.
    pub fn specs() -> &'static [OptionSpec] {
        OPTIONS
    }

    /// Sets one `sluice.s3.*` setting; it wins over the environment.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let fail = |problem: String| StoreError::Setting {
            key: key.to_owned(),
            problem,
        };
        let spec = OPTIONS.iter().find(|spec| spec.key == key).ok_or_else(|| {
            let known: Vec<_> = OPTIONS.iter().map(|spec| spec.key).collect();
            fail(format!("is not known, use one of {}", known.join(", ")))
        })?;
        let value = if spec.boolean {
            match value.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => "true",
                "false" | "0" | "no" | "off" => "false",
                _ => return Err(fail("must be true or false".to_owned())),
            }
        } else {
            match value.trim() {
                "" => return Err(fail("has no value".to_owned())),
                value => value,
            }
        };
        if spec.config == AmazonS3ConfigKey::Endpoint
            && !value.starts_with("http://")
            && !value.starts_with("https://")
        {
            return Err(fail("must start with http:// or https://".to_owned()));
        }
        self.s3_settings.push((spec.config, Secret::new(value)));
        Ok(())
    }

    /// Whether [`StoreOptions::set`] is responsible for this key.
    pub fn owns_key(key: &str) -> bool {
        key.starts_with("sluice.s3.")
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
        assert!(shown.contains("***"));
        let keys: Vec<_> = StoreOptions::specs().iter().filter(|s| s.secret).collect();
        assert_eq!(keys.len(), 2);
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
