//! A minimal HTTP client for schedulers and S3 servers for tests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// As generous as the deadlines in [`crate::wait`]: many callers ask only once.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Status and body of `GET path`; nothing when there is no answer.
pub fn get_text(address: &str, path: &str) -> Option<(u16, String)> {
    let (status, body) = send_request(address, "GET", path, "", &[])?;
    Some((status, String::from_utf8(body).ok()?))
}

/// Status and body of any request; each of the `headers` ends with a line end.
/// Nothing when there is no answer.
pub fn send_request(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(READ_TIMEOUT)).ok()?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).ok()?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, body))
}
