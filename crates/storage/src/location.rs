//! Parses text into a checked location, without accessing any store.
//!
//! A path is taken literally (`a%20b` is a name with a percent sign); a URL is
//! percent-decoded, as URLs are. `.` and `..` are resolved by text, so `..`
//! after a symbolic link leads to the parent in the text.

use std::fmt;
use std::path::{Component, Path as FsPath, PathBuf};

use object_store::path::Path;
use url::Url;

use crate::error::{LocationError, StoreError};
use crate::local_names::{readable_local_path, segment_from_name};

/// Characters that make a segment a pattern.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// Which store a location belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum StoreRoot {
    /// The file system of this machine.
    Local,
    /// An S3 bucket.
    S3 { bucket: String },
}

impl StoreRoot {
    pub(crate) fn from_url(url: &Url) -> Result<Self, StoreError> {
        let fail = |source| StoreError::Location {
            text: url.to_string(),
            source,
        };
        match (url.scheme(), url.host_str()) {
            ("file", None | Some("")) => Ok(Self::Local),
            ("file", Some(host)) => Err(fail(LocationError::FileHost {
                host: host.to_owned(),
            })),
            ("s3" | "s3a", Some(bucket)) if !bucket.is_empty() => Ok(Self::S3 {
                bucket: bucket.to_owned(),
            }),
            ("s3" | "s3a", _) => Err(fail(LocationError::NoBucket)),
            (scheme, _) => Err(fail(LocationError::Scheme {
                scheme: scheme.to_owned(),
            })),
        }
    }
}

/// One location: a folder or a file on this machine, or a prefix or an object
/// in a bucket. Absolute and normalized.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Location {
    root: StoreRoot,
    segments: Vec<String>,
    path: Path,
    url: Url,
}

impl Location {
    /// Parses a path or URL that names one location; wildcards are refused.
    ///
    /// Relative paths are resolved against `base`, which is an absolute folder.
    pub fn parse(text: &str, base: &FsPath) -> Result<Self, StoreError> {
        let location = check_characters(text)
            .and_then(|()| parse_location(text, base))
            .and_then(|location| {
                location
                    .segments
                    .iter()
                    .try_for_each(|s| check_characters(s))?;
                Ok(location)
            })
            .map_err(|source| StoreError::Location {
                text: text.to_owned(),
                source,
            })?;
        if let Some(wildcard) = location
            .segments
            .iter()
            .find_map(|s| s.chars().find(is_wildcard))
        {
            return Err(StoreError::Location {
                text: text.to_owned(),
                source: LocationError::Wildcard { wildcard },
            });
        }
        Ok(location)
    }

    /// A location directly below this one; `name` is one plain name.
    pub fn child(&self, name: &str) -> Result<Self, StoreError> {
        let fail = |source| StoreError::Location {
            text: format!("{self}/{name}"),
            source,
        };
        check_characters(name).map_err(fail)?;
        if name.is_empty() || name == "." || name == ".." || name.contains('/') {
            return Err(fail(LocationError::NotAName {
                name: name.to_owned(),
            }));
        }
        let mut segments = self.segments.clone();
        segments.push(name.to_owned());
        Self::from_segments(self.root.clone(), segments).map_err(fail)
    }

    /// A location below this one; `relative` is plain names separated by slashes.
    pub fn join(&self, relative: &str) -> Result<Self, StoreError> {
        let mut location = self.clone();
        for name in relative.split('/') {
            location = location.child(name)?;
        }
        Ok(location)
    }

    /// The path in the store of what [`Location::join`] would lead to. A folder can have a
    /// million files, and a location of each would be parsed again as a URL.
    ///
    /// # Errors
    /// As [`Location::join`].
    pub fn path_below(&self, relative: &str) -> Result<Path, StoreError> {
        let is_plain = |name: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
            !name.is_empty() && name != "." && name != ".." && name.bytes().all(plain)
        };
        // Such names are the same in a path, in a URL, and on a disk.
        if self.path.as_ref().is_empty() || !relative.split('/').all(is_plain) {
            return Ok(self.join(relative)?.path);
        }
        Path::parse(format!("{}/{relative}", self.path)).map_err(|error| StoreError::Location {
            text: format!("{self}/{relative}"),
            source: LocationError::Malformed {
                reason: error.to_string(),
            },
        })
    }

    /// `segments` must not contain "/", "." or "..", and in a bucket no control
    /// characters.
    fn from_segments(root: StoreRoot, segments: Vec<String>) -> Result<Self, LocationError> {
        let malformed = |reason: String| LocationError::Malformed { reason };
        let names: Vec<_> = segments
            .iter()
            .map(|name| match root {
                StoreRoot::Local => segment_from_name(name.as_ref()),
                StoreRoot::S3 { .. } => name.into(),
            })
            .collect();
        // Parsed without decoding: a name such as "a%20b" stays as it is.
        let path = Path::parse(names.join("/")).map_err(|e| malformed(e.to_string()))?;
        let text = match &root {
            StoreRoot::Local => "file:///".to_owned(),
            StoreRoot::S3 { bucket } => format!("s3://{bucket}/"),
        };
        let mut url = Url::parse(&text).map_err(|e| malformed(e.to_string()))?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&names);
        }
        // The URL parser takes some names for Windows drives (`A|`) and changes
        // them.
        if !Path::from_url_path(url.path()).is_ok_and(|led| led == path) {
            return Err(malformed("it cannot be written as a URL".to_owned()));
        }
        Ok(Self {
            root,
            segments,
            path,
            url,
        })
    }

    /// The path inside its store (without the bucket).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The full URL, percent-encoded, without a slash at its end.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The path on this machine, `None` for a bucket.
    pub fn local_path(&self) -> Option<PathBuf> {
        match self.root {
            StoreRoot::Local => Some(FsPath::new("/").join(self.segments.join("/"))),
            StoreRoot::S3 { .. } => None,
        }
    }

    /// Another path in the same store, as people write it.
    pub fn display_path(&self, path: &Path) -> String {
        match &self.root {
            StoreRoot::Local => readable_local_path(path),
            StoreRoot::S3 { bucket } => format!("s3://{bucket}/{path}"),
        }
    }

    /// The last name, `None` at the root.
    pub fn file_name(&self) -> Option<&str> {
        self.segments.last().map(String::as_str)
    }

    /// The folder that this location is in, `None` at the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.segments.split_last()?;
        Self::from_segments(self.root.clone(), above.to_vec()).ok()
    }

    /// Whether `other` is this location or below it.
    pub fn contains(&self, other: &Self) -> bool {
        self.root == other.root && other.segments.starts_with(&self.segments)
    }
}

impl fmt::Display for Location {
    /// As people write it: a plain path, or `s3://bucket/prefix`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            StoreRoot::Local => f.write_str(&readable_local_path(&self.path)),
            StoreRoot::S3 { bucket } => write!(f, "s3://{bucket}/{}", self.segments.join("/")),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a source names: one location, or every location that matches a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceLocation {
    /// A folder or a file.
    Single(Location),
    /// A folder, and one or more pattern segments below it.
    Pattern {
        /// The part without wildcards.
        base: Location,
        /// The segments after `base`; `*`, `?` and `[…]` match inside a segment.
        segments: Vec<glob::Pattern>,
    },
}

impl SourceLocation {
    /// Parses a path or URL that may contain wildcards (`*`, `?`, `[…]`), each of
    /// which matches inside one segment. `**` is refused. Control characters are
    /// taken literally in local paths.
    pub fn parse(text: &str, base: &FsPath) -> Result<Self, StoreError> {
        let fail = |source| StoreError::Location {
            text: text.to_owned(),
            source,
        };
        let mut location = parse_location(text, base).map_err(fail)?;
        let Some(first) = location.segments.iter().position(|s| s.contains(WILDCARDS)) else {
            return Ok(Self::Single(location));
        };
        let mut segments = Vec::with_capacity(location.segments.len() - first);
        for segment in location.segments.drain(first..) {
            if segment.contains("**") {
                return Err(fail(LocationError::Pattern {
                    reason: "'**' is not supported, write one '*' for each level".to_owned(),
                }));
            }
            segments.push(glob::Pattern::new(&segment).map_err(|error| {
                fail(LocationError::Pattern {
                    reason: error.msg.to_owned(),
                })
            })?);
        }
        let base = Location::from_segments(location.root, location.segments).map_err(fail)?;
        Ok(Self::Pattern { base, segments })
    }

    /// The location that a pattern would name if its wildcards were plain
    /// characters.
    pub(crate) fn without_wildcards(&self) -> Option<Location> {
        let Self::Pattern { base, segments } = self else {
            return None;
        };
        let mut names = base.segments.clone();
        names.extend(segments.iter().map(|segment| segment.as_str().to_owned()));
        Location::from_segments(base.root.clone(), names).ok()
    }

    /// The location, or the folder that the pattern starts from.
    pub fn base(&self) -> &Location {
        match self {
            Self::Single(place) => place,
            Self::Pattern { base, .. } => base,
        }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(place) => place.fmt(f),
            Self::Pattern { base, segments } => {
                write!(f, "{}", base.to_string().trim_end_matches('/'))?;
                segments.iter().try_for_each(|s| write!(f, "/{s}"))
            }
        }
    }
}

fn is_wildcard(c: &char) -> bool {
    WILDCARDS.contains(c)
}

fn check_characters(text: &str) -> Result<(), LocationError> {
    refuse_characters(text, |c| c.is_ascii_control())
}

fn refuse_characters(text: &str, refused: fn(char) -> bool) -> Result<(), LocationError> {
    match text.chars().position(refused) {
        Some(at) => Err(LocationError::ControlCharacter { position: at + 1 }),
        None => Ok(()),
    }
}

fn parse_location(text: &str, base: &FsPath) -> Result<Location, LocationError> {
    if text.trim().is_empty() {
        return Err(LocationError::Empty);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        // "file:/path" is how Hadoop and Java print local URLs.
        return match text.strip_prefix("file:/") {
            Some(rest) => parse_local_path(&decode_percent(&format!("/{rest}"))?, base),
            None => parse_local_path(text, base),
        };
    };
    // Not `Url::parse`: there "?" starts a query, and here it is a wildcard.
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match scheme.to_ascii_lowercase().as_str() {
        "file" => match authority {
            "" | "localhost" => parse_local_path(&decode_percent(&format!("/{path}"))?, base),
            host => Err(LocationError::FileHost {
                host: host.to_owned(),
            }),
        },
        "s3" | "s3a" => {
            if authority.is_empty() {
                return Err(LocationError::NoBucket);
            }
            let bucket_ok = authority
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c));
            if !bucket_ok {
                return Err(LocationError::Malformed {
                    reason: format!("'{authority}' is not a bucket name"),
                });
            }
            check_characters(text)?;
            let mut segments = Vec::new();
            for segment in decode_percent(path)?.split('/') {
                check_characters(segment)?;
                push_segment(&mut segments, segment)?;
            }
            let bucket = authority.to_owned();
            Location::from_segments(StoreRoot::S3 { bucket }, segments)
        }
        scheme => Err(LocationError::Scheme {
            scheme: scheme.to_owned(),
        }),
    }
}

fn parse_local_path(text: &str, base: &FsPath) -> Result<Location, LocationError> {
    let mut segments = Vec::new();
    if !text.starts_with('/') {
        if !base.is_absolute() {
            return Err(LocationError::Malformed {
                reason: format!(
                    "it is relative, and the base folder '{}' is not absolute",
                    base.display()
                ),
            });
        }
        for component in base.components() {
            if let Component::Normal(name) = component {
                let name = name.to_str().ok_or_else(|| LocationError::Malformed {
                    reason: format!("'{}' is not UTF-8", base.display()),
                })?;
                push_segment(&mut segments, name)?;
            }
        }
    }
    for segment in text.split('/') {
        push_segment(&mut segments, segment)?;
    }
    Location::from_segments(StoreRoot::Local, segments)
}

fn push_segment(segments: &mut Vec<String>, segment: &str) -> Result<(), LocationError> {
    match segment {
        "" | "." => {}
        ".." => {
            segments.pop().ok_or(LocationError::EscapesRoot)?;
        }
        name => {
            // No file system has such names.
            refuse_characters(name, |c| c == '\0')?;
            segments.push(name.to_owned());
        }
    }
    Ok(())
}

/// Decodes `%XX`; a stray percent sign is kept.
fn decode_percent(text: &str) -> Result<String, LocationError> {
    let out = percent_encoding::percent_decode_str(text).collect();
    String::from_utf8(out).map_err(|_| LocationError::Malformed {
        reason: "its percent-encoded bytes are not UTF-8".to_owned(),
    })
}

#[cfg(test)]
mod tests;
