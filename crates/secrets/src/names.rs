//! Names that mark their values as secrets.

/// Parts of such names, in lower case and without separators, so that
/// `access_key`, `accessKey` and `access.key` are the same.
const SECRET_PARTS: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "credential",
    "accesskey",
    "privatekey",
    "apikey",
    // `ssl.key.pem` holds the key itself, `sasl.jaas.config` a password.
    "keypem",
    "jaas",
    "oauthbearerconfig",
    // Headers of an OpenTelemetry collector hold its keys.
    "otlpheaders",
    "otlptracesheaders",
];

/// Whether a setting, parameter or variable of this name holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['.', '-'], "_");
    // The name or address of a secret's source is not a secret itself.
    if name.ends_with("_file") || name.ends_with("_uri") {
        return false;
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    SECRET_PARTS.iter().any(|part| plain.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hold_secrets_are_known() {
        for name in [
            // Environment variables.
            "AWS_SECRET_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_SESSION_TOKEN",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "PGPASSWORD",
            "TOKEN",
            "MYSQL_PASSWD",
            // Settings and parameters of jobs.
            "sluice.s3.access_key_id",
            "sluice.s3.secret_access_key",
            "s3.secret_access_key",
            "fs.s3a.access.key",
            "accessKeyId",
            "db.password",
            "aws-credentials",
            "api_key",
            "my.api.key",
            "privateKey",
            // Properties of Kafka clients.
            "sasl.password",
            "sasl.jaas.config",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.client.secret",
            "ssl.key.pem",
            "ssl.key.password",
            "ssl.keystore.passphrase",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "PATH",
            "AWS_ENDPOINT_URL",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "sasl.username",
            "ssl.key.location",
            "landing",
            "gold",
            "s3.endpoint",
            "sluice.target.file.size",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
