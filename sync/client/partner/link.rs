//! The end that brings its copies.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use spotcheck_app::ports::{CopyFolder, Partner, Released};
use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_wire::copies::{Answer, Call, MAX_FILE_BYTES, PARTNER_SCHEMA, PARTNER_SCHEMA_1};

use super::{client_config, cut, peer, receive, receive_bytes, send};
use crate::error::{Act, Error, Result};
use crate::tls::Identity;

/// How long a handheld nearby may be silent.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a handheld nearby.
pub struct PartnerLink {
    stream: StreamOwned<ClientConnection, TcpStream>,
    partner: Partner,
    /// The other end knows version 2.
    lets_go: bool,
}

impl std::fmt::Debug for PartnerLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartnerLink").field("device", &self.partner.device).finish_non_exhaustive()
    }
}

impl PartnerLink {
    /// Connects with this handheld's mTLS identity; the other end must be a handheld under `roots_pem`.
    ///
    /// # Errors
    /// Nobody there, nobody we know, another language.
    pub fn connect(
        address: SocketAddr,
        identity: &Identity,
        roots_pem: &str,
    ) -> TroubleResult<Self> {
        Self::open(address, identity, roots_pem).map_err(|error| error.during(Act::Copy))
    }

    fn open(address: SocketAddr, identity: &Identity, roots_pem: &str) -> Result<Self> {
        let config = client_config(identity, roots_pem)?;
        let tcp = TcpStream::connect_timeout(&address, PATIENCE).map_err(cut)?;
        tcp.set_read_timeout(Some(PATIENCE)).map_err(cut)?;
        tcp.set_write_timeout(Some(PATIENCE)).map_err(cut)?;
        tcp.set_nodelay(true).map_err(cut)?;
        let name = ServerName::IpAddress(address.ip().into());
        let connection = ClientConnection::new(config, name).map_err(cut)?;
        let mut stream = StreamOwned::new(connection, tcp);
        let mut greet = |schema: &str| {
            send(&mut stream, &Call::Hello { schema: schema.to_owned() })?;
            receive::<Answer>(&mut stream)
        };
        let (answer, lets_go) = match greet(PARTNER_SCHEMA)? {
            Some(Answer::Refused { .. }) => (greet(PARTNER_SCHEMA_1)?, false),
            other => (other, true),
        };
        let Some(Answer::Hello { device, recipient }) = answer else {
            return Err(cut("no greeting"));
        };
        let certified = peer(stream.conn.peer_certificates())?;
        if certified.as_str() != device {
            return Err(cut("says it is another handheld"));
        }
        Ok(Self { stream, partner: Partner { device: certified, recipient }, lets_go })
    }

    /// Tells the other end which of the cases it holds are past their receipt; it checks the proof and drops
    /// their copies. Returns how many. An older version keeps them: it is told by the centre, or never.
    ///
    /// # Errors
    /// The link fails.
    pub fn release(&mut self, released: &[Released]) -> TroubleResult<usize> {
        self.try_release(released).map_err(|error| error.during(Act::Copy))
    }

    fn try_release(&mut self, released: &[Released]) -> Result<usize> {
        if released.is_empty() || !self.lets_go {
            return Ok(0);
        }
        let Answer::Held(held) = self.ask(&Call::Held, b"")? else {
            return Err(cut("another answer"));
        };
        let mut count = 0_usize;
        for one in released.iter().filter(|one| held.iter().any(|case| case == one.case.as_str())) {
            let call = Call::Release {
                case: one.case.to_string(),
                bundle: one.bundle.to_string(),
                entry: one.entry.clone().into_bytes(),
                proof: one.proof.clone(),
                shredded: one.shredded,
            };
            match self.ask(&call, b"") {
                Ok(Answer::Done) => count = count.saturating_add(1),
                Ok(_) => return Err(cut("another answer")),
                // One that is not believed does not hold up the others.
                Err(Error::Partner(code)) => tracing::warn!(%code, "A copy is kept nearby."),
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// Who is at the other end.
    #[must_use]
    pub const fn partner(&self) -> &Partner {
        &self.partner
    }

    /// The copy of a case there.
    pub const fn folder<'a>(&'a mut self, case: &'a CaseId) -> RemoteCopy<'a> {
        RemoteCopy { link: self, case }
    }

    fn ask(&mut self, call: &Call, bytes: &[u8]) -> Result<Answer> {
        send(&mut self.stream, call)?;
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).map_err(cut)?;
        match receive(&mut self.stream)? {
            Some(Answer::Refused { code }) => Err(Error::Partner(code)),
            Some(answer) => Ok(answer),
            None => Err(cut("closed")),
        }
    }
}

/// The copy of one case at a handheld nearby.
#[derive(Debug)]
pub struct RemoteCopy<'a> {
    link: &'a mut PartnerLink,
    case: &'a CaseId,
}

impl RemoteCopy<'_> {
    fn ask(&mut self, call: &Call, bytes: &[u8]) -> TroubleResult<Answer> {
        self.link.ask(call, bytes).map_err(|error| error.during(Act::Copy))
    }
}

fn other() -> spotcheck_domain::Trouble {
    cut("another answer").during(Act::Copy)
}

impl CopyFolder for RemoteCopy<'_> {
    fn names(&mut self) -> TroubleResult<BTreeMap<String, u64>> {
        match self.ask(&Call::Names { case: self.case.to_string() }, b"")? {
            Answer::Names(names) => Ok(names),
            _ => Err(other()),
        }
    }

    fn get(&mut self, name: &str) -> TroubleResult<Option<Vec<u8>>> {
        let call = Call::Get { case: self.case.to_string(), name: name.to_owned() };
        match self.ask(&call, b"")? {
            Answer::File(None) => Ok(None),
            Answer::File(Some(size)) if size <= MAX_FILE_BYTES => {
                let bytes = receive_bytes(&mut self.link.stream, size);
                bytes.map(Some).map_err(|error| error.during(Act::Copy))
            }
            _ => Err(other()),
        }
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> TroubleResult<()> {
        let call = Call::Put {
            case: self.case.to_string(),
            name: name.to_owned(),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: Hash32::sha256(bytes).to_string(),
        };
        match self.ask(&call, bytes)? {
            Answer::Done => Ok(()),
            _ => Err(other()),
        }
    }

    fn remove(&mut self, names: &[String]) -> TroubleResult<()> {
        let call = Call::Remove { case: self.case.to_string(), names: names.to_vec() };
        match self.ask(&call, b"")? {
            Answer::Done => Ok(()),
            _ => Err(other()),
        }
    }
}
