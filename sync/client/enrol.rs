//! Enrolment by ticket and renewal, from the handheld's side: believe nothing that the ticket's CA did not sign.
//!
//! Three things bind the answer to the ticket: TLS ends in the CA whose hash the ticket carries, that same
//! CA signs the trust statement, and the certificates are for the keys that were made here a moment ago.
//! The HMAC binds the request the other way, so nobody between can have a key of their own certified.
//! Everything is checked before the key ring is told to keep anything, and it keeps all or nothing.

use std::time::Duration;

use ring::digest::{SHA256, digest};
use rustls_pki_types::{CertificateDer, UnixTime};
use secrecy::SecretString;
use spotcheck_app::ports::{DeviceEnrolment, KeyRing, OfficerEnrolment};
use spotcheck_domain::time::parse_rfc3339;
use spotcheck_domain::{DeviceId, OfficerId, parse_canonical, to_canonical};
use spotcheck_evidence::tlog::LogKey;
use spotcheck_wire::enrol::{
    ENROL_SCHEMA, EnrolRequest, EnrolResponse, POLICY_SCHEMA, RENEW_SCHEMA, RenewRequest,
    SignedTrust, TRUST_SCHEMA, Ticket, TicketKind, TrustStatement,
};

use crate::certificate::{
    Profile, chain, check_leaf, check_path, check_signature, request_key, validity_ms,
};
use crate::error::{Error, Result, TicketFault};
use crate::judged::JudgedTime;

/// Reads a ticket and checks that it is still valid.
pub(crate) fn read_ticket(text: &str, time: &JudgedTime) -> Result<Ticket> {
    let ticket = Ticket::from_text(text).map_err(|_| Error::Ticket(TicketFault::Form))?;
    let expires = parse_rfc3339(&ticket.expires).ok_or(Error::Ticket(TicketFault::Form))?;
    if time.now_ms() > expires {
        return Err(Error::Ticket(TicketFault::Expired));
    }
    Ok(ticket)
}

/// SHA-256 of the CA's certificate that the ticket names.
pub(crate) fn pin(ticket: &Ticket) -> Result<[u8; 32]> {
    let mut pin = [0; 32];
    hex::decode_to_slice(&ticket.ca_sha256, &mut pin)
        .map_err(|_| Error::Ticket(TicketFault::Form))?;
    Ok(pin)
}

/// What an answer of the centre is judged by: everything that was known before it came.
pub(crate) struct Pending {
    kind: TicketKind,
    id: String,
    name: String,
    centre: String,
    /// SHA-256 (hex) of the CA certificates that may vouch for the answer.
    cas: Vec<String>,
    tls_csr: Vec<u8>,
    signing_csr: Vec<u8>,
    /// What the device is enrolled with already (officers, renewal).
    device: Option<DeviceEnrolment>,
}

/// Makes keys and the request with its proof.
pub(crate) fn prepare(
    keys: &mut dyn KeyRing,
    ticket: Ticket,
    pin: Option<&SecretString>,
) -> Result<(EnrolRequest, Pending)> {
    let enrolled = keys.enrolment()?;
    let mut request = EnrolRequest {
        schema: ENROL_SCHEMA.to_owned(),
        ticket: ticket.locator(),
        tls_csr: Vec::new(),
        signing_csr: Vec::new(),
        device: None,
        package_recipient: None,
        proof: Vec::new(),
    };
    match ticket.kind {
        TicketKind::Device => {
            if enrolled.as_ref().is_some_and(|e| e.device.as_str() != ticket.id) {
                return Err(Error::Ticket(TicketFault::AlreadyEnrolled));
            }
            let made = keys.request_device()?;
            request.tls_csr = made.tls_csr;
            request.signing_csr = made.evidence_csr;
        }
        TicketKind::Officer => {
            let device = enrolled.as_ref().ok_or(Error::Ticket(TicketFault::DeviceFirst))?;
            let pin = pin.ok_or(Error::Ticket(TicketFault::PinMissing))?;
            let officer =
                OfficerId::parse(&ticket.id).map_err(|_| Error::Ticket(TicketFault::Form))?;
            request.device = Some(device.device.to_string());
            request.signing_csr = keys.request_officer(&officer, pin)?;
            request.package_recipient = keys.package_recipient_with(&officer)?;
        }
    }
    request.proof = ticket.proof(&request.proof_parts());
    let pending = Pending {
        kind: ticket.kind,
        id: ticket.id,
        name: ticket.name,
        centre: ticket.centre,
        cas: vec![ticket.ca_sha256],
        tls_csr: request.tls_csr.clone(),
        signing_csr: request.signing_csr.clone(),
        device: enrolled.filter(|_| ticket.kind == TicketKind::Officer),
    };
    Ok((request, pending))
}

/// A trust statement, signed by the CA and made for this id, whose parts have the form they must have.
fn statement(
    ca: &CertificateDer<'_>,
    bytes: &[u8],
    signature: &[u8],
    id: &str,
) -> std::result::Result<TrustStatement, String> {
    check_signature(ca, bytes, signature).map_err(|error| format!("trust statement: {error}"))?;
    let trust: TrustStatement =
        parse_canonical(bytes).map_err(|_| "trust statement: form".to_owned())?;
    if trust.schema != TRUST_SCHEMA || trust.id != id {
        return Err("trust statement is for another id or schema".to_owned());
    }
    if trust.policy.schema != POLICY_SCHEMA {
        return Err("policy of another schema".to_owned());
    }
    chain(&trust.roots).map_err(|error| format!("roots: {error}"))?;
    chain(&trust.tls_roots).map_err(|error| format!("TLS roots: {error}"))?;
    if !trust.tsa_roots.trim().is_empty() {
        chain(&trust.tsa_roots).map_err(|error| format!("TSA roots: {error}"))?;
    }
    for recipient in [&trust.intake, &trust.escrow] {
        let plain = recipient.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !(plain && recipient.starts_with("age1") && recipient.len() == 62) {
            return Err("not an age recipient".to_owned());
        }
    }
    if !spotcheck_domain::id::is_plain_id(&trust.intake_id) || trust.intake == trust.escrow {
        return Err("intake id, or intake and escrow are the same".to_owned());
    }
    LogKey::parse(&trust.log_key).map_err(|error| format!("log key: {error}"))?;
    Ok(trust)
}

/// The intake key (`age1…` and its id) of a trust statement that came with a pull, if it is another one than the
/// enrolment has. Escrow and log of a centre never change: a statement with others is another centre's.
pub(crate) fn another_intake(
    enrolment: &DeviceEnrolment,
    signed: &SignedTrust,
) -> Result<Option<(String, String)>> {
    let roots = chain(&enrolment.tls_roots).map_err(Error::SetUp)?;
    let id = enrolment.device.as_str();
    let mut trust = Err("no root".to_owned());
    for root in &roots {
        trust = statement(root, &signed.statement, &signed.signature, id);
        if trust.is_ok() {
            break;
        }
    }
    let trust = trust.map_err(Error::FalseEnrolment)?;
    if trust.escrow != enrolment.escrow || trust.log_key != enrolment.log_key {
        return Err(Error::FalseEnrolment("another escrow or log key".to_owned()));
    }
    let known = trust.intake_id == enrolment.intake_id && trust.intake == enrolment.intake;
    Ok((!known).then_some((trust.intake, trust.intake_id)))
}

/// Makes new keys for an enrolled handheld whose certificates end soon (or have ended).
pub(crate) fn prepare_renewal(
    keys: &mut dyn KeyRing,
    device: DeviceEnrolment,
) -> Result<(RenewRequest, Pending)> {
    let roots = chain(&device.tls_roots).map_err(Error::SetUp)?;
    let made = keys.request_device()?;
    let pending = Pending {
        kind: TicketKind::Device,
        id: device.device.to_string(),
        name: String::new(),
        centre: device.centre.clone(),
        cas: roots.iter().map(|root| hex::encode(digest(&SHA256, root))).collect(),
        tls_csr: made.tls_csr.clone(),
        signing_csr: made.evidence_csr.clone(),
        device: Some(device),
    };
    let request = RenewRequest {
        schema: RENEW_SCHEMA.to_owned(),
        tls_csr: made.tls_csr,
        signing_csr: made.evidence_csr,
    };
    Ok((request, pending))
}

impl Pending {
    /// Checks the answer and lets the key ring keep it. Gives the id that was enrolled.
    pub(crate) fn accept(
        self,
        keys: &mut dyn KeyRing,
        answer: &EnrolResponse,
        time: &JudgedTime,
    ) -> Result<String> {
        let trust = self.trust(answer).map_err(Error::FalseEnrolment)?;
        match self.kind {
            TicketKind::Device => {
                let (enrolment, begins) =
                    self.device(answer, &trust, time).map_err(Error::FalseEnrolment)?;
                keys.install_device(&enrolment)?;
                time.saw(begins);
            }
            TicketKind::Officer => {
                let enrolment = self.officer(answer, time).map_err(Error::FalseEnrolment)?;
                keys.install_officer(&enrolment)?;
            }
        }
        tracing::info!("{:?} {} is enrolled.", self.kind, self.id);
        Ok(self.id)
    }

    fn trust(&self, answer: &EnrolResponse) -> std::result::Result<TrustStatement, String> {
        if answer.schema != ENROL_SCHEMA || answer.id != self.id {
            return Err("schema or id of the answer".to_owned());
        }
        if !self.cas.contains(&hex::encode(digest(&SHA256, &answer.ca))) {
            return Err("the CA is not the one that was named".to_owned());
        }
        let ca = CertificateDer::from(answer.ca.as_slice());
        statement(&ca, &answer.trust, &answer.trust_signature, &self.id)
    }

    fn device(
        &self,
        answer: &EnrolResponse,
        trust: &TrustStatement,
        time: &JudgedTime,
    ) -> std::result::Result<(DeviceEnrolment, i64), String> {
        let id = self.id.as_str();
        // Another log key would make every checkpoint seen so far worthless: only a new enrolment may.
        if self.device.as_ref().is_some_and(|before| before.log_key != trust.log_key) {
            return Err("another log key at renewal".to_owned());
        }
        let mut begins = i64::MIN;
        for (pem, csr, profile, roots) in [
            (&answer.tls_chain, &self.tls_csr, Profile::Tls, &trust.tls_roots),
            (&answer.signing_chain, &self.signing_csr, Profile::Device, &trust.roots),
        ] {
            begins = begins.max(self.check_chain(pem, csr, profile, roots, time)?);
        }
        let policy = to_canonical(&trust.policy).map_err(|error| error.to_string())?;
        let enrolment = DeviceEnrolment {
            device: DeviceId::parse(id).map_err(|error| error.to_string())?,
            centre: self.centre.clone(),
            tls_chain: answer.tls_chain.clone(),
            evidence_chain: answer.signing_chain.clone(),
            roots: trust.roots.clone(),
            tls_roots: trust.tls_roots.clone(),
            tsa_roots: trust.tsa_roots.clone(),
            intake: trust.intake.clone(),
            intake_id: trust.intake_id.clone(),
            escrow: trust.escrow.clone(),
            log_key: trust.log_key.clone(),
            policy: String::from_utf8(policy).map_err(|error| error.to_string())?,
        };
        Ok((enrolment, begins))
    }

    /// An officer's certificate must lead to the roots this handheld already trusts, not to those that a
    /// ticket (which anybody may hold up to the scanner) brings along.
    fn officer(
        &self,
        answer: &EnrolResponse,
        time: &JudgedTime,
    ) -> std::result::Result<OfficerEnrolment, String> {
        let device = self.device.as_ref().ok_or("not enrolled")?;
        let csr = &self.signing_csr;
        self.check_chain(&answer.signing_chain, csr, Profile::Officer, &device.roots, time)?;
        Ok(OfficerEnrolment {
            officer: OfficerId::parse(&self.id).map_err(|error| error.to_string())?,
            name: self.name.clone(),
            chain: answer.signing_chain.clone(),
        })
    }

    fn check_chain(
        &self,
        pem: &str,
        csr: &[u8],
        profile: Profile,
        roots: &str,
        time: &JudgedTime,
    ) -> std::result::Result<i64, String> {
        let named = |error| format!("{profile:?} certificate: {error}");
        let certificates = chain(pem).map_err(named)?;
        let leaf = certificates.first().ok_or_else(|| named("none".to_owned()))?;
        let key = request_key(csr).map_err(named)?;
        check_leaf(leaf, &key, &self.id, profile).map_err(named)?;
        let begins = validity_ms(pem).map_or(0, |(begins, _)| begins);
        // Made a moment ago by a centre whose clock is right; ours may well be minutes or decades behind,
        // and a certificate for our own key is no less ours before it begins.
        let begin_s = u64::try_from(begins.div_euclid(1000)).unwrap_or(0);
        let at = time.unix_time().max(UnixTime::since_unix_epoch(Duration::from_secs(begin_s)));
        check_path(&certificates, roots, profile, at).map_err(named)?;
        Ok(begins)
    }
}
