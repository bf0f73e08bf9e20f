//! Listener, connections and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::auth::Peer;
use super::router::router;
use super::{App, worker};
use crate::centre::Centre;
use crate::tls::{PeerCertificate, ServerIdentity, server_config};
use crate::{Error, Result};

/// A handshake must be done within.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(15);
/// Request headers must be there within.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// Running requests get this long at shutdown.
const FINISH_WITHIN: Duration = Duration::from_secs(20);
/// Connections at once.
const MAX_CONNECTIONS: usize = 2048;

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Address to listen on; port 0 picks one.
    pub listen: SocketAddr,
    /// Names and addresses for the server's certificate, besides the listener's.
    pub names: Vec<String>,
    /// URL of the time-stamping authority.
    pub tsa: Option<String>,
}

/// A running service.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets running requests end, waits for the workers.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Starts listener and workers.
///
/// # Errors
/// The address is taken, or rustls does not accept the configuration.
pub async fn start(centre: Arc<Centre>, options: &ServeOptions) -> Result<Running> {
    let listener =
        TcpListener::bind(options.listen).await.map_err(|e| Error::Net(e.to_string()))?;
    let address = listener.local_addr().map_err(Error::io("listen"))?;
    let mut names = vec![address.ip().to_string()];
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        names.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    }
    names.extend(options.names.iter().cloned());
    names.sort();
    names.dedup();
    let identity = Arc::new(ServerIdentity::new(&centre, names)?);
    let config = Arc::new(server_config(&centre, Arc::clone(&identity))?);
    let app = App::new(centre, options.tsa.as_deref());
    let (stop, stopped) = watch::channel(false);
    let accept = accept(listener, TlsAcceptor::from(config), router(app.clone()), stopped.clone());
    let mut tasks = vec![tokio::spawn(accept)];
    tasks.push(tokio::spawn(worker::work(app.clone(), stopped.clone())));
    tasks.push(tokio::spawn(worker::housekeeping(app, identity, stopped)));
    tracing::info!(%address, "Serving.");
    Ok(Running { address, stop, tasks })
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "Accepting a connection failed.");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            _ = stopped.changed() => break,
        };
        let (acceptor, router, watcher) = (acceptor.clone(), router.clone(), graceful.watcher());
        tokio::spawn(async move {
            if let Err(error) = connection(stream, acceptor, router, watcher).await {
                tracing::debug!(%error, "A connection ended.");
            }
            drop(permit);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(FINISH_WITHIN, graceful.shutdown()).await;
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) -> std::result::Result<(), Failure> {
    stream.set_nodelay(true)?;
    let tls = tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await??;
    let shown = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let peer = Peer(shown.and_then(|der| PeerCertificate::parse(der)));
    let service = TowerToHyperService::new(router.layer(Extension(peer)));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30));
    let connection = builder.serve_connection(TokioIo::new(tls), service).into_owned();
    watcher.watch(connection).await
}
