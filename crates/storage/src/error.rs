//! Errors of stores, classified into a few kinds.

use std::error::Error as StdError;
use std::io;

use object_store::client::{HttpError, HttpErrorKind};

/// What an error of a store means for the caller that has to handle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The text is not a location, or names one that may not be used.
    InvalidLocation,
    /// The file, folder or bucket does not exist.
    NotFound,
    /// A source exists but has no file to read.
    Empty,
    /// Something exists already at a location that had to be free.
    AlreadyExists,
    /// The process may not read or write there.
    PermissionDenied,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The disk or the quota is full.
    NoSpace,
    /// The credentials are missing, wrong or expired.
    Unauthenticated,
    /// The service did not respond, or not in time.
    Unreachable,
    /// The store cannot do this at all.
    Unsupported,
    /// Anything else.
    Other,
}

impl StoreErrorKind {
    /// Classifies an error by the first conclusive error in its chain of sources.
    pub fn from_error(error: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(current) = next {
            if let Some(kind) = kind_of_cause(current) {
                return kind;
            }
            next = current.source();
        }
        kind_by_http_status(error).unwrap_or(Self::Other)
    }

    /// Whether a retry of the same call may succeed without any other change.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable)
    }

    /// Whether the store refused the call: nothing was done, and a retry will not
    /// change that.
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::PermissionDenied
                | Self::ReadOnly
                | Self::NoSpace
                | Self::Unauthenticated
                | Self::Unsupported
                | Self::InvalidLocation
                | Self::NotFound
        )
    }

    /// What a person can do about it.
    pub fn help(self) -> &'static str {
        match self {
            Self::InvalidLocation => {
                "give a path, a file:// URL or an s3:// URL that names one location"
            }
            Self::NotFound => "check the location for a typing mistake, or create it first",
            Self::Empty => "put files there, or point the job at the folder that holds them",
            Self::AlreadyExists => "remove what is there, or choose another name",
            Self::PermissionDenied => {
                "give the user that runs sluice permission to read and write there"
            }
            Self::ReadOnly => "mount the file system writable, or choose another location",
            Self::NoSpace => "free some space or raise the quota, then run it again",
            Self::Unauthenticated => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sluice.s3.access_key_id and \
                 sluice.s3.secret_access_key, to valid credentials"
            }
            Self::Unreachable => {
                "check the network and the endpoint (AWS_ENDPOINT_URL or sluice.s3.endpoint), \
                 then retry"
            }
            Self::Unsupported => "choose a local folder or an S3 bucket",
            Self::Other => "see the cause",
        }
    }
}

impl std::fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InvalidLocation => "invalid location",
            Self::NotFound => "not found",
            Self::Empty => "no files",
            Self::AlreadyExists => "already exists",
            Self::PermissionDenied => "permission denied",
            Self::ReadOnly => "read-only file system",
            Self::NoSpace => "no space left",
            Self::Unauthenticated => "not authenticated",
            Self::Unreachable => "unreachable",
            Self::Unsupported => "not supported",
            Self::Other => "failed",
        })
    }
}

/// The kind of one error in a chain; `None` if its source must be examined.
fn kind_of_cause(error: &(dyn StdError + 'static)) -> Option<StoreErrorKind> {
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return Some(error.kind());
    }
    // A boxed error in a chain is found as its box.
    if let Some(error) = error.downcast_ref::<Box<StoreError>>() {
        return Some(error.kind());
    }
    if let Some(error) = error.downcast_ref::<object_store::Error>() {
        use object_store::Error as E;
        return match error {
            E::NotFound { .. } => Some(StoreErrorKind::NotFound),
            E::AlreadyExists { .. } | E::Precondition { .. } => Some(StoreErrorKind::AlreadyExists),
            E::PermissionDenied { .. } => Some(StoreErrorKind::PermissionDenied),
            E::Unauthenticated { .. } => Some(StoreErrorKind::Unauthenticated),
            E::InvalidPath { .. } => Some(StoreErrorKind::InvalidLocation),
            E::NotSupported { .. } | E::NotImplemented { .. } => Some(StoreErrorKind::Unsupported),
            // Other errors: their sources decide, which `source()` returns.
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref::<HttpError>() {
        return match error.kind() {
            HttpErrorKind::Connect | HttpErrorKind::Timeout | HttpErrorKind::Interrupted => {
                Some(StoreErrorKind::Unreachable)
            }
            _ => None,
        };
    }
    let error = error.downcast_ref::<io::Error>()?;
    match error.kind() {
        io::ErrorKind::NotFound => Some(StoreErrorKind::NotFound),
        io::ErrorKind::AlreadyExists => Some(StoreErrorKind::AlreadyExists),
        io::ErrorKind::PermissionDenied => Some(StoreErrorKind::PermissionDenied),
        io::ErrorKind::ReadOnlyFilesystem => Some(StoreErrorKind::ReadOnly),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(StoreErrorKind::NoSpace),
        io::ErrorKind::Unsupported => Some(StoreErrorKind::Unsupported),
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::TimedOut => Some(StoreErrorKind::Unreachable),
        // `io::Error::source` skips the error it contains, so classify it here.
        _ => error
            .get_ref()
            .map(|inner| StoreErrorKind::from_error(inner))
            .filter(|kind| *kind != StoreErrorKind::Other),
    }
}

/// The kind by HTTP status. Where a call has no special meaning for a status, as
/// in listings, the S3 client has it only in the text of its own error.
fn kind_by_http_status(error: &(dyn StdError + 'static)) -> Option<StoreErrorKind> {
    let mut next = Some(error);
    while let Some(current) = next {
        let generic = matches!(
            current.downcast_ref(),
            Some(object_store::Error::Generic { store: "S3", .. })
        );
        if generic {
            let text = current.to_string();
            let (_, status) = text.split_once("non-2xx status code: ")?;
            return match status.get(..3)? {
                "401" => Some(StoreErrorKind::Unauthenticated),
                "403" => Some(StoreErrorKind::PermissionDenied),
                "404" => Some(StoreErrorKind::NotFound),
                "429" | "500" | "502" | "503" | "504" => Some(StoreErrorKind::Unreachable),
                _ => None,
            };
        }
        next = current.source();
    }
    None
}

/// Why a text is not a location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// The text is empty.
    #[error("it is empty")]
    Empty,
    /// A NUL or another control character.
    #[error("it contains a control character at position {position}")]
    ControlCharacter {
        /// 1-based position, in characters.
        position: usize,
    },
    /// `..` leads above the root of the store.
    #[error("'..' leads above its root")]
    EscapesRoot,
    /// A child name with `/`, `.` or `..`.
    #[error("'{name}' is not a plain name")]
    NotAName { name: String },
    /// `*`, `?` or `[` where one location is needed.
    #[error("it contains the wildcard '{wildcard}', but one location is needed here")]
    Wildcard {
        /// The first wildcard character.
        wildcard: char,
    },
    /// A pattern that cannot be matched.
    #[error("its pattern is invalid: {reason}")]
    Pattern { reason: String },
    /// A scheme that no store serves.
    #[error("the scheme '{scheme}' is not known, use a path, file:// or s3://")]
    Scheme { scheme: String },
    /// `s3://` without a bucket.
    #[error("it names no bucket, write s3://bucket/prefix")]
    NoBucket,
    /// `file://host/…`.
    #[error("'file://{host}/' names a host, write file:/// with three slashes")]
    FileHost { host: String },
    /// Not a valid URL or path.
    #[error("{reason}")]
    Malformed { reason: String },
}

/// A failed operation on a store. `Display` says what failed, where, why and
/// what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The text is not a location.
    #[error("'{text}' is not a usable location: {source}")]
    Location {
        text: String,
        #[source]
        source: LocationError,
    },
    /// A `sluice.s3.*` setting is unknown or its value is wrong.
    #[error("setting '{key}' {problem}")]
    Setting {
        key: String,
        /// What is wrong and what is allowed. Never the value of a secret.
        problem: String,
    },
    /// The client for a bucket could not be created.
    #[error("cannot set up access to 's3://{bucket}': {source}")]
    Setup {
        bucket: String,
        #[source]
        source: object_store::Error,
    },
    /// A source without files to read.
    #[error(
        "no files to read in '{location}'{}: {}",
        skipped_note(*skipped),
        StoreErrorKind::Empty.help()
    )]
    Empty {
        location: String,
        /// The number of files that the rules skip (hidden names, other suffixes).
        skipped: usize,
    },
    /// A file that belongs to a source cannot be read.
    #[error(
        "'{location}' belongs to the source and cannot be read: {reason}, or read only the \
         other files by a pattern in LOCATION"
    )]
    Unreadable { location: String, reason: String },
    /// A bucket has an object whose key is no path: `object_store` refuses control
    /// characters and empty parts (`a//b`), and fails for the whole listing.
    #[error(
        "cannot list '{location}': an object there has a key with a control character or an \
         empty part; rename or delete it: {source}"
    )]
    UnusableKey {
        location: String,
        #[source]
        source: object_store::Error,
    },
    /// The store refused the call, or failed.
    #[error("cannot {action} '{location}': {kind}: {}", kind.help())]
    Access {
        /// What was tried: "list", "read", "write".
        action: &'static str,
        location: String,
        kind: StoreErrorKind,
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

fn skipped_note(skipped: usize) -> String {
    match skipped {
        0 => String::new(),
        1 => " (1 file with another name was skipped)".to_owned(),
        n => format!(" ({n} files with other names were skipped)"),
    }
}

impl StoreError {
    /// Wraps a store's error with the failed action and its location.
    pub fn access(
        action: &'static str,
        location: impl std::fmt::Display,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let source = source.into();
        Self::Access {
            action,
            location: location.to_string(),
            kind: StoreErrorKind::from_error(source.as_ref()),
            source,
        }
    }

    /// What the error means.
    pub fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Location { .. } | Self::Setting { .. } => StoreErrorKind::InvalidLocation,
            Self::Setup { source, .. } => StoreErrorKind::from_error(source),
            Self::Empty { .. } => StoreErrorKind::Empty,
            Self::Unreadable { .. } | Self::UnusableKey { .. } => StoreErrorKind::Unsupported,
            Self::Access { kind, .. } => *kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: io::Error) -> object_store::Error {
        object_store::Error::Generic {
            store: "test",
            source: source.into(),
        }
    }

    #[test]
    fn kinds_are_found_through_the_chain() {
        let cases = [
            (io::ErrorKind::StorageFull, StoreErrorKind::NoSpace),
            (io::ErrorKind::QuotaExceeded, StoreErrorKind::NoSpace),
            (
                io::ErrorKind::PermissionDenied,
                StoreErrorKind::PermissionDenied,
            ),
            (io::ErrorKind::ReadOnlyFilesystem, StoreErrorKind::ReadOnly),
            (
                io::ErrorKind::ConnectionRefused,
                StoreErrorKind::Unreachable,
            ),
            (io::ErrorKind::NotFound, StoreErrorKind::NotFound),
            (io::ErrorKind::InvalidData, StoreErrorKind::Other),
        ];
        for (io_kind, kind) in cases {
            assert_eq!(StoreErrorKind::from_error(&generic(io_kind.into())), kind);
            let nested = io::Error::other(generic(io_kind.into()));
            assert_eq!(
                StoreErrorKind::from_error(&generic(nested)),
                kind,
                "{io_kind:?} nested"
            );
        }
    }

    #[test]
    fn the_message_says_what_to_do() {
        let error = StoreError::access(
            "write",
            "/data/gold",
            generic(io::ErrorKind::StorageFull.into()),
        );
        assert_eq!(
            error.to_string(),
            "cannot write '/data/gold': no space left: free some space or raise the quota, then \
             run it again"
        );
        assert_eq!(error.kind(), StoreErrorKind::NoSpace);
        assert!(!error.kind().is_transient() && error.kind().is_refusal());
    }

    #[test]
    fn a_status_decides_when_the_client_error_does_not() {
        for (status, kind) in [
            ("403 Forbidden", StoreErrorKind::PermissionDenied),
            ("404 Not Found", StoreErrorKind::NotFound),
            ("503 Slow Down", StoreErrorKind::Unreachable),
            ("418 Teapot", StoreErrorKind::Other),
        ] {
            let text = format!("Server returned non-2xx status code: {status}: <Error/>");
            let error = object_store::Error::Generic {
                store: "S3",
                source: text.into(),
            };
            assert_eq!(StoreErrorKind::from_error(&error), kind, "{status}");
        }
    }

    #[test]
    fn http_errors_that_never_connected_are_unreachable() {
        let error = HttpError::new(HttpErrorKind::Connect, io::Error::other("refused"));
        let error = object_store::Error::Generic {
            store: "S3",
            source: Box::new(error),
        };
        assert_eq!(
            StoreErrorKind::from_error(&error),
            StoreErrorKind::Unreachable
        );
    }
}
