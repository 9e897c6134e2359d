//! A TCP proxy that a test can cut off.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a connection looks whether the proxy was cut off.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Forwards connections to an address. While it is cut off, it swallows what
/// arrives, and accepts connections that lead nowhere; those end when it is
/// restored.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    is_cut: Arc<AtomicBool>,
}

impl Proxy {
    /// A proxy for `target`; it works until the test program ends.
    pub fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap().to_string(),
            is_cut: Arc::default(),
        };
        let (target, is_cut) = (target.to_owned(), Arc::clone(&proxy.is_cut));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(&target) {
                    forward_both_ways(&client, &server, &is_cut);
                }
            }
        });
        proxy
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    pub fn restore(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

fn forward_both_ways(client: &TcpStream, server: &TcpStream, is_cut: &Arc<AtomicBool>) {
    for (from, to) in [(client, server), (server, client)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let is_cut = Arc::clone(is_cut);
        std::thread::spawn(move || {
            forward(&from, &to, &is_cut);
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}

fn forward(mut from: &TcpStream, mut to: &TcpStream, is_cut: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    let mut was_cut = false;
    from.set_read_timeout(Some(POLL_INTERVAL)).unwrap();
    loop {
        let is_cut = is_cut.load(Ordering::SeqCst);
        if was_cut && !is_cut {
            return;
        }
        was_cut |= is_cut;
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) if was_cut => {}
            Ok(count) => {
                if to.write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}
