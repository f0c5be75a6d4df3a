//! TCP proxy between a browser and the server, which a test can disconnect, make silent, and connect to another
//! server. It counts what passes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Forwards its own port to a server.
pub(crate) struct TcpProxy {
    pub(crate) addr: SocketAddr,
    inner: Arc<Inner>,
}

/// Requests and bytes that passed over a cable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    /// Methods and targets of the requests.
    pub(crate) requests: Vec<String>,
    /// Bytes to the browser, with the heads of the answers.
    pub(crate) bytes: usize,
}

impl Traffic {
    /// Adds the request that begins in bytes from the browser, if one does. Frames of a socket are masked.
    fn add_request(&mut self, bytes: &[u8]) {
        let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        if let Some(request) = line.strip_suffix(b" HTTP/1.1") {
            self.requests.push(String::from_utf8_lossy(request).into_owned());
        }
    }
}

#[derive(Default)]
struct Inner {
    traffic: Mutex<Traffic>,
    /// `None` while disconnected: new connections are closed at once.
    to: Mutex<Option<SocketAddr>>,
    open: Mutex<Vec<TcpStream>>,
    refused: AtomicU64,
    /// Connections stay open and nothing passes.
    silent: AtomicBool,
}

impl TcpProxy {
    pub(crate) fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner::default());
        let cable = Self { addr, inner: Arc::clone(&inner) };
        cable.connect_to(server);
        // Ends with the test's process and holds only a port.
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| inner.forward(&stream)));
        cable
    }

    pub(crate) fn connect_to(&self, server: SocketAddr) {
        *self.inner.to.lock().expect("no panic") = Some(server);
    }

    /// Closes every connection and refuses new ones.
    pub(crate) fn disconnect(&self) {
        *self.inner.to.lock().expect("no panic") = None;
        self.inner.refused.store(0, Ordering::SeqCst);
        for stream in self.inner.open.lock().expect("no panic").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Returns the traffic since the last call, and begins anew.
    pub(crate) fn take_traffic(&self) -> Traffic {
        std::mem::take(&mut *self.inner.traffic.lock().expect("no panic"))
    }

    /// Returns the traffic since the last call of [`Self::take_traffic`].
    pub(crate) fn traffic(&self) -> Traffic {
        self.inner.traffic.lock().expect("no panic").clone()
    }

    /// Swallows all bytes on lines that stay open, as a network does that lost its way.
    pub(crate) fn swallow(&self, silent: bool) {
        self.inner.silent.store(silent, Ordering::SeqCst);
    }

    /// Waits for a refused connection since the disconnection.
    pub(crate) async fn until_refused(&self) {
        while self.inner.refused.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Inner {
    fn forward(self: &Arc<Self>, near: &TcpStream) {
        let to = self.to.lock().expect("no panic");
        let Some(far) = to.and_then(|to| TcpStream::connect(to).ok()) else {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return;
        };
        // Holds the lock of `to`, so that `disconnect` misses no connection.
        let mut open = self.open.lock().expect("no panic");
        for (from, into, is_up) in [(near, &far, true), (&far, near, false)] {
            let (mut from, mut into) = (from.try_clone().expect("clones"), into.try_clone().expect("clones"));
            open.push(from.try_clone().expect("clones"));
            let inner = Arc::clone(self);
            std::thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                while let Ok(read @ 1..) = from.read(&mut buffer) {
                    let mut traffic = inner.traffic.lock().expect("no panic");
                    if is_up {
                        traffic.add_request(&buffer[..read]);
                    } else {
                        traffic.bytes += read;
                    }
                    drop(traffic);
                    if !inner.silent.load(Ordering::SeqCst) && into.write_all(&buffer[..read]).is_err() {
                        break;
                    }
                }
                let _ = into.shutdown(Shutdown::Both);
            });
        }
    }
}
