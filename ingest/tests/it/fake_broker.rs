//! Listeners that answer just enough for a client to fail in a certain way.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// The API keys of Kafka's protocol that are answered.
const METADATA: i16 = 3;
const SASL_HANDSHAKE: i16 = 17;
const API_VERSIONS: i16 = 18;
const SASL_AUTHENTICATE: i16 = 36;

/// The error codes of Kafka's protocol that are used.
const UNSUPPORTED_VERSION: i16 = 35;
const SASL_AUTHENTICATION_FAILED: i16 = 58;

/// What a broker reads before it notices that this is no request.
const MAX_REQUEST: usize = 1 << 20;

/// Listens on a free port of this machine and passes each connection to `serve`, on a
/// thread of its own. Ends with the process.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(connection));
        }
    });
    address
}

/// Answers the first bytes of each connection with these, and closes it.
pub(crate) fn listen_and_answer(answer: &'static [u8]) -> SocketAddr {
    listen(move |mut stream| {
        let mut request = [0; 1024];
        // A client that has gone is not the test's failure.
        if stream.read(&mut request).is_ok() {
            let _ = stream.write_all(answer);
        }
    })
}

/// A broker of the topic `t` that advertises this address, and that accepts no password.
pub(crate) fn listen_as_kafka(advertised: SocketAddr) -> SocketAddr {
    listen(move |mut stream| {
        while let Some(request) = Request::read_from(&mut stream) {
            let Some(answer) = answer_request(&request, advertised) else {
                return;
            };
            if stream.write_all(&answer.framed()).is_err() {
                return;
            }
        }
    })
}

struct Request {
    api_key: i16,
    version: i16,
    correlation_id: i32,
}

impl Request {
    fn read_from(stream: &mut TcpStream) -> Option<Self> {
        let mut size = [0; 4];
        stream.read_exact(&mut size).ok()?;
        let size = usize::try_from(u32::from_be_bytes(size)).ok()?;
        let mut bytes = vec![0; Some(size).filter(|size| (8..MAX_REQUEST).contains(size))?];
        stream.read_exact(&mut bytes).ok()?;
        Some(Self {
            api_key: i16::from_be_bytes([bytes[0], bytes[1]]),
            version: i16::from_be_bytes([bytes[2], bytes[3]]),
            correlation_id: i32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        })
    }
}

/// `None` for a request that is not understood.
fn answer_request(request: &Request, advertised: SocketAddr) -> Option<Answer> {
    let answer = Answer::default().i32(request.correlation_id);
    Some(match request.api_key {
        API_VERSIONS => {
            let error = match request.version {
                0 => 0,
                _ => UNSUPPORTED_VERSION,
            };
            let apis = [
                (METADATA, 1),
                (SASL_HANDSHAKE, 1),
                (API_VERSIONS, 0),
                (SASL_AUTHENTICATE, 0),
            ];
            let answer = answer.i16(error).i32(4);
            apis.iter().fold(answer, |answer, (api_key, newest)| {
                answer.i16(*api_key).i16(0).i16(*newest)
            })
        }
        METADATA => answer
            // One broker, number 1, without a rack, which is the controller.
            .i32(1)
            .i32(1)
            .text(&advertised.ip().to_string())
            .i32(i32::from(advertised.port()))
            .i16(-1)
            .i32(1)
            // One topic, which is not internal.
            .i32(1)
            .i16(0)
            .text("t")
            .i8(0)
            // One partition, whose leader and only replica is broker 1.
            .i32(1)
            .i16(0)
            .i32(0)
            .i32(1)
            .i32(1)
            .i32(1)
            .i32(1)
            .i32(1),
        SASL_HANDSHAKE => answer.i16(0).i32(1).text("PLAIN"),
        SASL_AUTHENTICATE => answer
            .i16(SASL_AUTHENTICATION_FAILED)
            .text("Authentication failed: Invalid username or password")
            .i32(0),
        _ => return None,
    })
}

/// An answer of Kafka's protocol.
#[derive(Default)]
struct Answer(Vec<u8>);

impl Answer {
    fn add(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn i8(self, number: i8) -> Self {
        self.add(&number.to_be_bytes())
    }

    fn i16(self, number: i16) -> Self {
        self.add(&number.to_be_bytes())
    }

    fn i32(self, number: i32) -> Self {
        self.add(&number.to_be_bytes())
    }

    fn text(self, text: &str) -> Self {
        let length = i16::try_from(text.len()).unwrap();
        self.i16(length).add(text.as_bytes())
    }

    fn framed(&self) -> Vec<u8> {
        let size = i32::try_from(self.0.len()).unwrap();
        [&size.to_be_bytes()[..], &self.0].concat()
    }
}
