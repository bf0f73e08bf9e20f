//! The end that keeps copies for others.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use spotcheck_app::copies::LinkKeys;
use spotcheck_app::errand::Stop;
use spotcheck_app::ports::{CopyFolder, Dropped, Heard, Partner};
use spotcheck_domain::{BundleId, CaseId, DeviceId, Trouble, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::tlog::LogKey;
use spotcheck_wire::copies::{Answer, Call, MAX_FILE_BYTES, PARTNER_SCHEMA, PARTNER_SCHEMA_1};

use super::{cut, peer, receive, receive_bytes, send, server_config};
use crate::error::{Act, Result};
use crate::log::Log;
use crate::receipt;

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

    /// Cases of a handheld of which a copy is here.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn held_of(&self, device: &DeviceId) -> TroubleResult<Vec<CaseId>>;

    /// Drops a copy whose receipt was proven; one that is not here is no error.
    ///
    /// # Errors
    /// The copy is of another bundle; it cannot be removed.
    fn let_go(&self, dropped: &Dropped) -> TroubleResult<()>;
}

/// This end as a connection sees it.
struct Keeper {
    me: Partner,
    log_key: LogKey,
    shelf: Arc<dyn PartnerShelf>,
}

/// Keeps copies for handhelds under the centre's TLS roots until `stop` is asked. Listens where `listener` is bound and
/// nowhere else.
///
/// # Errors
/// The certificates of this handheld cannot be used; the listener fails.
pub fn serve_partners(
    listener: &TcpListener,
    keys: &LinkKeys,
    shelf: &Arc<dyn PartnerShelf>,
    stop: &Stop,
) -> TroubleResult<()> {
    let config = server_config(&keys.identity, &keys.roots).map_err(|e| e.during(Act::Copy))?;
    let log = Log::new(&keys.log_key).map_err(|error| error.during(Act::Copy))?;
    let keeper = Arc::new(Keeper {
        me: keys.me.clone(),
        log_key: log.key().clone(),
        shelf: Arc::clone(shelf),
    });
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
        let (config, keeper) = (Arc::clone(&config), Arc::clone(&keeper));
        let token = Arc::clone(&running);
        std::thread::spawn(move || {
            if let Err(error) = one(tcp, config, &keeper) {
                tracing::info!(%error, "The link to a handheld nearby ended.");
            }
            drop(token);
        });
    }
    Ok(())
}

fn one(tcp: TcpStream, config: Arc<rustls::ServerConfig>, keeper: &Keeper) -> Result<()> {
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
                (keeper.put(from, &case, &name, &bytes, &sha256), Vec::new())
            }
            other => keeper.answer(from, other),
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

type Answered<T> = std::result::Result<T, Answer>;

fn told(trouble: Trouble) -> Answer {
    Answer::Refused { code: trouble.code }
}

/// The hash that a blob's name is, `<64 hex>.age`; `None` for any other file.
fn blob_hash(name: &str) -> Option<&str> {
    name.strip_suffix(".age").filter(|hash| Hash32::parse(hash).is_some())
}

fn case_of(text: &str) -> Answered<CaseId> {
    CaseId::parse(text).map_err(|_| refused("COPY-CASE"))
}

impl Keeper {
    fn folder(&self, from: &DeviceId, case: &str) -> Answered<Box<dyn CopyFolder>> {
        self.shelf.open(from, &case_of(case)?).map_err(told)
    }

    fn put(&self, from: &DeviceId, case: &str, name: &str, bytes: &[u8], sha256: &str) -> Answer {
        let found = Hash32::sha256(bytes).to_string();
        // A blob's name is its hash: a damaged one never takes the place of a good one.
        if found != sha256 || blob_hash(name).is_some_and(|named| named != found) {
            return refused("COPY-DAMAGED");
        }
        let put = self.folder(from, case).and_then(|mut f| f.put(name, bytes).map_err(told));
        put.map_or_else(|refusal| refusal, |()| Answer::Done)
    }

    /// Whoever asks shows the receipt of its own bundle; a word alone drops nothing.
    fn let_go(
        &self,
        from: &DeviceId,
        (case, bundle): (&str, &str),
        (entry, proof): (&[u8], &str),
        shredded: bool,
    ) -> Answered<()> {
        let not_received = |_| refused("COPY-NOT-RECEIVED");
        let case = case_of(case)?;
        let bundle = BundleId::parse(bundle).map_err(|_| refused("COPY-NOT-RECEIVED"))?;
        let (received, _) = receipt::proven(entry, proof, &self.log_key).map_err(not_received)?;
        if received.bundle != bundle || received.device != *from {
            return Err(refused("COPY-NOT-RECEIVED"));
        }
        let heard = if shredded { Heard::Shred } else { Heard::Receipt };
        let dropped = Dropped { device: from.clone(), case, bundle, heard };
        self.shelf.let_go(&dropped).map_err(told)
    }

    fn answer(&self, from: &DeviceId, call: Call) -> (Answer, Vec<u8>) {
        let plain = |answer: Answer| (answer, Vec::new());
        let made = match call {
            Call::Hello { schema }
                if [PARTNER_SCHEMA, PARTNER_SCHEMA_1].contains(&schema.as_str()) =>
            {
                Ok(plain(Answer::Hello {
                    device: self.me.device.to_string(),
                    recipient: self.me.recipient.clone(),
                }))
            }
            Call::Hello { .. } | Call::Put { .. } => Err(refused("COPY-SCHEMA")),
            Call::Names { case } => self
                .folder(from, &case)
                .and_then(|mut f| f.names().map_err(told))
                .map(|names| plain(Answer::Names(names))),
            Call::Get { case, name } => {
                self.folder(from, &case).and_then(|mut f| f.get(&name).map_err(told)).map(|bytes| {
                    let size = bytes.as_ref().map(|b| u64::try_from(b.len()).unwrap_or(u64::MAX));
                    (Answer::File(size), bytes.unwrap_or_default())
                })
            }
            Call::Remove { case, mut names } => {
                // What is gone over there is what the copy is kept for; blobs go by their receipt.
                names.retain(|name| blob_hash(name).is_none());
                self.folder(from, &case)
                    .and_then(|mut f| f.remove(&names).map_err(told))
                    .map(|()| plain(Answer::Done))
            }
            Call::Held => {
                self.shelf.held_of(from).map_err(told).map(|cases| {
                    plain(Answer::Held(cases.iter().map(ToString::to_string).collect()))
                })
            }
            Call::Release { case, bundle, entry, proof, shredded } => self
                .let_go(from, (&case, &bundle), (&entry, &proof), shredded)
                .map(|()| plain(Answer::Done)),
        };
        made.unwrap_or_else(plain)
    }
}
