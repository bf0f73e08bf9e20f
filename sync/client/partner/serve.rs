//! The end that keeps copies for others.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use spotcheck_app::errand::Stop;
use spotcheck_app::ports::{CopyFolder, Partner};
use spotcheck_domain::{CaseId, DeviceId, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_wire::copies::{Answer, Call, MAX_FILE_BYTES, PARTNER_SCHEMA};

use super::{cut, peer, receive, receive_bytes, send, server_config};
use crate::error::{Act, Result};
use crate::tls::Identity;

/// How long a silent connection is kept.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a stop is looked for.
const POLL: Duration = Duration::from_millis(100);
/// Handhelds served at once: two or three go on a visit.
const AT_ONCE: usize = 8;

/// Where copies of others are kept.
pub trait PartnerShelf: Send + Sync {
    /// The copy of a handheld's case; refused where there is no room for it.
    ///
    /// # Errors
    /// No room, or a folder that cannot be made.
    fn open(&self, device: &DeviceId, case: &CaseId) -> TroubleResult<Box<dyn CopyFolder>>;
}

/// Keeps copies for handhelds under `roots_pem` until `stop` is asked. Listens where `listener` is bound and
/// nowhere else.
///
/// # Errors
/// The certificates of this handheld cannot be used; the listener fails.
pub fn serve_partners(
    listener: &TcpListener,
    identity: &Identity,
    roots_pem: &str,
    me: &Partner,
    shelf: &Arc<dyn PartnerShelf>,
    stop: &Stop,
) -> TroubleResult<()> {
    let config = server_config(identity, roots_pem).map_err(|error| error.during(Act::Copy))?;
    listener.set_nonblocking(true).map_err(|e| cut(e).during(Act::Copy))?;
    let running = Arc::new(());
    while !stop.asked() {
        let tcp = match listener.accept() {
            Ok((tcp, _)) => tcp,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                std::thread::sleep(POLL);
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "A handheld nearby could not be let in.");
                std::thread::sleep(POLL);
                continue;
            }
        };
        if Arc::strong_count(&running) > AT_ONCE {
            continue;
        }
        let (config, me, shelf) = (Arc::clone(&config), me.clone(), Arc::clone(shelf));
        let token = Arc::clone(&running);
        std::thread::spawn(move || {
            if let Err(error) = one(tcp, config, &me, shelf.as_ref()) {
                tracing::info!(%error, "The link to a handheld nearby ended.");
            }
            drop(token);
        });
    }
    Ok(())
}

fn one(
    tcp: TcpStream,
    config: Arc<rustls::ServerConfig>,
    me: &Partner,
    shelf: &dyn PartnerShelf,
) -> Result<()> {
    tcp.set_nonblocking(false).map_err(cut)?;
    tcp.set_read_timeout(Some(PATIENCE)).map_err(cut)?;
    tcp.set_write_timeout(Some(PATIENCE)).map_err(cut)?;
    tcp.set_nodelay(true).map_err(cut)?;
    let connection = ServerConnection::new(config).map_err(cut)?;
    let mut stream = StreamOwned::new(connection, tcp);
    let mut device = None;
    while let Some(call) = receive::<Call>(&mut stream)? {
        // The handshake is over once the first call was read.
        let from = match &device {
            Some(known) => known,
            None => device.insert(peer(stream.conn.peer_certificates())?),
        };
        let (answer, bytes) = match call {
            Call::Put { case, name, size, sha256 } => {
                if size > MAX_FILE_BYTES {
                    return Err(cut("file too long"));
                }
                let bytes = receive_bytes(&mut stream, size)?;
                (put(shelf, from, &case, &name, &bytes, &sha256), Vec::new())
            }
            other => answer(shelf, me, from, other),
        };
        send(&mut stream, &answer)?;
        stream.write_all(&bytes).map_err(cut)?;
        stream.flush().map_err(cut)?;
    }
    Ok(())
}

fn refused(code: &str) -> Answer {
    Answer::Refused { code: code.to_owned() }
}

fn folder(
    shelf: &dyn PartnerShelf,
    from: &DeviceId,
    case: &str,
) -> std::result::Result<Box<dyn CopyFolder>, Answer> {
    let case = CaseId::parse(case).map_err(|_| refused("COPY-CASE"))?;
    shelf.open(from, &case).map_err(|trouble| refused(&trouble.code))
}

fn put(
    shelf: &dyn PartnerShelf,
    from: &DeviceId,
    case: &str,
    name: &str,
    bytes: &[u8],
    sha256: &str,
) -> Answer {
    if Hash32::sha256(bytes).to_string() != sha256 {
        return refused("COPY-DAMAGED");
    }
    let put = folder(shelf, from, case)
        .and_then(|mut f| f.put(name, bytes).map_err(|trouble| refused(&trouble.code)));
    put.map_or_else(|refusal| refusal, |()| Answer::Done)
}

fn answer(
    shelf: &dyn PartnerShelf,
    me: &Partner,
    from: &DeviceId,
    call: Call,
) -> (Answer, Vec<u8>) {
    let told = |trouble: spotcheck_domain::Trouble| refused(&trouble.code);
    let made = match call {
        Call::Hello { schema } if schema == PARTNER_SCHEMA => Ok((
            Answer::Hello { device: me.device.to_string(), recipient: me.recipient.clone() },
            Vec::new(),
        )),
        Call::Hello { .. } | Call::Put { .. } => Err(refused("COPY-SCHEMA")),
        Call::Names { case } => folder(shelf, from, &case)
            .and_then(|mut f| f.names().map_err(told))
            .map(|names| (Answer::Names(names), Vec::new())),
        Call::Get { case, name } => {
            folder(shelf, from, &case).and_then(|mut f| f.get(&name).map_err(told)).map(|bytes| {
                let size = bytes.as_ref().map(|b| u64::try_from(b.len()).unwrap_or(u64::MAX));
                (Answer::File(size), bytes.unwrap_or_default())
            })
        }
        Call::Remove { case, names } => folder(shelf, from, &case)
            .and_then(|mut f| f.remove(&names).map_err(told))
            .map(|()| (Answer::Done, Vec::new())),
    };
    made.unwrap_or_else(|refusal| (refusal, Vec::new()))
}
