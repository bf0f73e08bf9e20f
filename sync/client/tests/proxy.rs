//! A network between handheld and centre that can be cut after so many bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// Bytes that went towards the server, over all connections.
    pub(crate) upstream: Arc<AtomicU64>,
    /// Connections that were made.
    pub(crate) connections: Arc<AtomicU64>,
}

impl Proxy {
    /// Connection number n is cut when `cuts[n]` bytes went towards the server; later ones are not cut.
    pub(crate) fn new(target: SocketAddr, cuts: Vec<u64>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            upstream: Arc::default(),
            connections: Arc::default(),
        };
        let (upstream, connections) = (proxy.upstream.clone(), proxy.connections.clone());
        thread::spawn(move || {
            let mut cuts = cuts.into_iter();
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(target) else { continue };
                connections.fetch_add(1, Ordering::SeqCst);
                let limit = cuts.next().unwrap_or(u64::MAX);
                let (from_server, to_client) =
                    (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = std::io::copy(&mut &from_server, &mut &to_client);
                    let _ = to_client.shutdown(Shutdown::Write);
                });
                let upstream = upstream.clone();
                thread::spawn(move || carry(&client, &server, limit, &upstream));
            }
        });
        proxy
    }
}

fn carry(mut client: &TcpStream, mut server: &TcpStream, limit: u64, upstream: &AtomicU64) {
    let mut buffer = [0_u8; 16 << 10];
    let mut carried = 0_u64;
    while let Ok(n) = client.read(&mut buffer) {
        let allowed = n.min(usize::try_from(limit - carried).unwrap_or(usize::MAX));
        if n == 0 || server.write_all(&buffer[..allowed]).is_err() {
            break;
        }
        carried += allowed as u64;
        upstream.fetch_add(allowed as u64, Ordering::SeqCst);
        if carried == limit {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}
