//! `--master`: where a job's driver runs.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The values of `--master`, for help and error messages.
pub(crate) const MASTER_FORMS: &str = "sluice://HOST:PORT[,HOST:PORT…], local, local[N], local[*]";

/// Where a job's driver runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Master {
    /// In this process, on this many cores.
    Local(Cores),
    /// In a scheduler. The addresses are tried in order; never empty.
    Remote(Vec<Address>),
}

/// How many cores a local run uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    /// As many as the machine has.
    All,
    /// At least one.
    Count(usize),
}

impl Cores {
    /// The number of cores, at least one.
    pub(crate) fn core_count(self) -> usize {
        match self {
            Self::All => std::thread::available_parallelism().map_or(1, usize::from),
            Self::Count(count) => count,
        }
    }
}

/// Host and port of a scheduler. An IPv6 host keeps its brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(Cores::All) => f.write_str("local[*]"),
            Self::Local(Cores::Count(count)) => write!(f, "local[{count}]"),
            Self::Remote(addresses) => {
                let list: Vec<String> = addresses.iter().map(Address::to_string).collect();
                write!(f, "sluice://{}", list.join(","))
            }
        }
    }
}

/// A master that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum MasterError {
    #[error("master `{given}` is not understood; allowed are {MASTER_FORMS}")]
    UnknownForm { given: String },
    #[error("master `{given}` lacks its scheme: write `sluice://{given}`")]
    NoScheme { given: String },
    #[error("master `{given}`: `{address}` lacks a port; write `sluice://{address}:50050`")]
    NoPort { given: String, address: String },
    #[error("master `{given}`: `{address}` is not HOST:PORT with a port from 1 to 65535")]
    BadAddress { given: String, address: String },
    #[error("master `{given}`: a local run needs a number of cores above zero, or `local[*]`")]
    BadCores { given: String },
}

impl FromStr for Master {
    type Err = MasterError;

    fn from_str(given: &str) -> Result<Self, MasterError> {
        if given == "local" {
            return Ok(Self::Local(Cores::Count(1)));
        }
        if let Some(cores) = given
            .strip_prefix("local[")
            .and_then(|rest| rest.strip_suffix(']'))
        {
            return match cores.trim() {
                "*" => Ok(Self::Local(Cores::All)),
                count => match count.parse() {
                    Ok(count) if count > 0 => Ok(Self::Local(Cores::Count(count))),
                    _ => Err(MasterError::BadCores {
                        given: given.to_owned(),
                    }),
                },
            };
        }
        if let Some(list) = given.strip_prefix("sluice://") {
            let list = list.strip_suffix('/').unwrap_or(list);
            return list
                .split(',')
                .map(|address| parse_address(given, address.trim()))
                .collect::<Result<Vec<_>, _>>()
                .map(Self::Remote);
        }
        if !given.contains("://") && parse_address(given, given).is_ok() {
            return Err(MasterError::NoScheme {
                given: given.to_owned(),
            });
        }
        Err(MasterError::UnknownForm {
            given: given.to_owned(),
        })
    }
}

fn parse_address(given: &str, address: &str) -> Result<Address, MasterError> {
    let wrong = || MasterError::BadAddress {
        given: given.to_owned(),
        address: address.to_owned(),
    };
    let bracketed = address.starts_with('[');
    let (host, port) = if bracketed && address.ends_with(']') {
        (address, None)
    } else {
        match address.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    let host_is_sound = if bracketed {
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok())
    } else {
        !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    if !host_is_sound {
        return Err(wrong());
    }
    let port = port.ok_or_else(|| MasterError::NoPort {
        given: given.to_owned(),
        address: address.to_owned(),
    })?;
    match port.parse() {
        Ok(port) if port > 0 => Ok(Address {
            host: host.to_owned(),
            port,
        }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Master, String> {
        text.parse().map_err(|error: MasterError| error.to_string())
    }

    #[test]
    fn every_form_reads_and_prints_back() {
        for text in [
            "local[*]",
            "local[1]",
            "local[16]",
            "sluice://127.0.0.1:50050",
            "sluice://a.example-host:1,b_2:65535",
            "sluice://[::1]:50050",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("local"), Ok(Master::Local(Cores::Count(1))));
        assert_eq!(parse("sluice://h:7/").unwrap().to_string(), "sluice://h:7");
        assert!(Cores::All.core_count() >= 1);
    }

    #[test]
    fn every_mistake_says_what_to_write() {
        for (text, part) in [
            ("", "allowed are sluice://HOST:PORT"),
            ("yarn", "allowed are"),
            ("spark://h:7077", "allowed are"),
            ("http://h:50050", "allowed are"),
            ("localhost:50050", "write `sluice://localhost:50050`"),
            ("sluice://", "is not HOST:PORT"),
            ("sluice://h", "write `sluice://h:50050`"),
            ("sluice://[::1]", "lacks a port"),
            ("sluice://h:0", "from 1 to 65535"),
            ("sluice://h:70000", "from 1 to 65535"),
            ("sluice://h:1,,g:2", "is not HOST:PORT"),
            ("sluice://u@h:1", "is not HOST:PORT"),
            ("sluice://[::x]:1", "is not HOST:PORT"),
            ("local[0]", "above zero"),
            ("local[x]", "above zero"),
            ("local[-1]", "above zero"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
