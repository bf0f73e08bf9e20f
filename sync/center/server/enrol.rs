//! `POST /v1/enroll` (by ticket) and `POST /v1/renew` (by the old certificate).
//!
//! Every reason why a ticket does not count gets the same answer, so that nobody can probe for tickets. The
//! answer is given only after the certificates and the ticket's use are on disk.

use axum::extract::State;
use axum::http::StatusCode;
use spotcheck_domain::to_canonical;
use spotcheck_wire::enrol::{
    ENROL_SCHEMA, EnrolRequest, EnrolResponse, RENEW_SCHEMA, RenewRequest, TRUST_SCHEMA,
    TicketKind, TrustStatement,
};
use spotcheck_wire::problem::code;

use super::App;
use super::auth::{Peer, Purpose, caller};
use super::problem::{Answer, ApiError, Message};
use crate::ca::{Authority, DAY_MS, Issued, Request, public_key_of};
use crate::centre::Centre;
use crate::repository::{CertificateKind, Enrolment, TicketRow};
use crate::{Error, Result};

fn ticket_error() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        code::TICKET,
        "登记票无效",
        "登记票不存在、已使用、已过期，或与请求不符；请在中心重新开具。",
    )
}

fn csr_error(cause: &Error) -> ApiError {
    tracing::warn!(%cause, "A signing request was refused.");
    ApiError::new(StatusCode::BAD_REQUEST, code::CSR, "证书请求不符", "证书请求不符合要求(P-256)。")
}

fn schema_is(found: &str, wanted: &str) -> std::result::Result<(), ApiError> {
    if found == wanted { Ok(()) } else { Err(ApiError::bad_request("消息版本不符。")) }
}

/// What everybody who enrols or renews is told, and the CA's signature over it.
pub(super) fn trust(centre: &Centre, id: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    let recipients = centre.recipients()?;
    let statement = TrustStatement {
        schema: TRUST_SCHEMA.to_owned(),
        id: id.to_owned(),
        roots: centre.ca().evidence.pem().to_owned(),
        tls_roots: centre.ca().tls.pem().to_owned(),
        tsa_roots: centre.tsa_roots()?,
        intake: recipients.intake,
        intake_id: recipients.intake_id,
        escrow: recipients.escrow,
        log_key: centre.log().vkey().to_owned(),
        policy: centre.policy()?,
    };
    let bytes = to_canonical(&statement).map_err(|_| Error::Stored("trust statement"))?;
    let signature = centre.ca().tls.sign(&bytes)?;
    Ok((bytes, signature))
}

fn answer(
    centre: &Centre,
    id: &str,
    tls: Option<&Issued>,
    signing: Option<&Issued>,
) -> std::result::Result<EnrolResponse, ApiError> {
    let (trust, trust_signature) = trust(centre, id)?;
    let pem = |issued: Option<&Issued>| issued.map(|i| i.pem.clone()).unwrap_or_default();
    Ok(EnrolResponse {
        schema: ENROL_SCHEMA.to_owned(),
        id: id.to_owned(),
        tls_chain: pem(tls),
        signing_chain: pem(signing),
        trust,
        trust_signature,
        ca: centre.ca().tls.der().to_vec(),
    })
}

fn issue(
    centre: &Centre,
    authority: &Authority,
    request: &Request<'_>,
    csr: &[u8],
) -> std::result::Result<Issued, ApiError> {
    let key = public_key_of(csr).map_err(|cause| csr_error(&cause))?;
    authority
        .issue(request, &key, centre.clock().as_ref(), centre.entropy().as_ref())
        .map_err(ApiError::from)
}

fn device_certificates(
    centre: &Centre,
    id: &str,
    name: &str,
    tls_csr: &[u8],
    signing_csr: &[u8],
) -> std::result::Result<(Issued, Issued), ApiError> {
    let request =
        |kind| Request { kind, subject: id, name, device: None, names: &[], until_ms: None };
    // One key under both would let a connection sign a record.
    let same = public_key_of(tls_csr).ok() == public_key_of(signing_csr).ok();
    if same {
        return Err(csr_error(&Error::Certificate("one key in two roles".to_owned())));
    }
    let ca = centre.ca();
    let tls = issue(centre, &ca.tls, &request(CertificateKind::DeviceTls), tls_csr)?;
    let signing = issue(centre, &ca.evidence, &request(CertificateKind::Device), signing_csr)?;
    Ok((tls, signing))
}

/// End of the last day of validity, Beijing.
fn end_of_day_ms(date: &str) -> Option<i64> {
    let start = spotcheck_domain::time::parse_rfc3339(&format!("{date}T00:00:00+08:00"))?;
    Some(start.saturating_add(DAY_MS))
}

fn find_ticket(
    centre: &Centre,
    request: &EnrolRequest,
) -> std::result::Result<TicketRow, ApiError> {
    let row = centre.repo().ticket(&request.ticket)?.ok_or_else(ticket_error)?;
    let good = row.used_ms.is_none()
        && row.expires_ms > centre.now_ms()
        && row.ticket.verify_proof(&request.proof_parts(), &request.proof);
    if good { Ok(row) } else { Err(ticket_error()) }
}

fn enrol(
    centre: &Centre,
    peer: &Peer,
    request: &EnrolRequest,
) -> std::result::Result<EnrolResponse, ApiError> {
    schema_is(&request.schema, ENROL_SCHEMA)?;
    let row = find_ticket(centre, request)?;
    let ticket = &row.ticket;
    let mut recipient = None;
    let (tls, signing) = match ticket.kind {
        TicketKind::Device => {
            let (tls, signing) = device_certificates(
                centre,
                &ticket.id,
                &ticket.name,
                &request.tls_csr,
                &request.signing_csr,
            )?;
            (Some(tls), signing)
        }
        TicketKind::Officer => {
            let device = request.device.as_deref().ok_or_else(ticket_error)?;
            if peer.0.as_ref().is_some_and(|p| p.device != device) {
                return Err(ticket_error());
            }
            let known = centre.repo().device(device)?.filter(|d| d.revoked_ms.is_none());
            let officer = centre.repo().officer(&ticket.id)?.filter(|o| o.revoked_ms.is_none());
            let (Some(_), Some(officer)) = (known, officer) else { return Err(ticket_error()) };
            let until_ms = officer.credential_valid_until.as_deref().and_then(end_of_day_ms);
            if until_ms.is_some_and(|until| until <= centre.now_ms()) {
                return Err(ApiError::new(
                    StatusCode::FORBIDDEN,
                    code::TICKET,
                    "证件已过有效期",
                    "该检查人员的证件已过有效期，请在中心更新后重新开具登记票。",
                ));
            }
            let profile = Request {
                kind: CertificateKind::Officer,
                subject: &officer.id,
                name: &officer.name,
                device: Some(device),
                names: &[],
                until_ms,
            };
            if let Some(age) = &request.package_recipient {
                age.parse::<age::x25519::Recipient>()
                    .map_err(|_| ApiError::bad_request("数据包接收公钥不符。"))?;
                recipient = Some((device, age.as_str()));
            }
            let signing = issue(centre, &centre.ca().evidence, &profile, &request.signing_csr)?;
            (None, signing)
        }
    };
    let certificates: Vec<_> =
        tls.iter().chain(std::iter::once(&signing)).map(|issued| issued.row.clone()).collect();
    let done = centre.repo().enrol(&Enrolment {
        locator: &request.ticket,
        kind: ticket.kind,
        subject: &ticket.id,
        name: &ticket.name,
        certificates: &certificates,
        package_recipient: recipient,
        at_ms: centre.now_ms(),
    })?;
    if !done {
        return Err(ticket_error());
    }
    tracing::info!(kind = ?ticket.kind, id = %ticket.id, "Enrolled by ticket.");
    answer(centre, &ticket.id, tls.as_ref(), Some(&signing))
}

fn renew(
    centre: &Centre,
    peer: &Peer,
    request: &RenewRequest,
) -> std::result::Result<EnrolResponse, ApiError> {
    let caller = caller(centre, peer, Purpose::Keep)?;
    schema_is(&request.schema, RENEW_SCHEMA)?;
    let (tls, signing) = device_certificates(
        centre,
        &caller.device,
        &caller.name,
        &request.tls_csr,
        &request.signing_csr,
    )?;
    centre.repo().add_certificate(&tls.row)?;
    centre.repo().add_certificate(&signing.row)?;
    tracing::info!(device = %caller.device, "Renewed certificates.");
    answer(centre, &caller.device, Some(&tls), Some(&signing))
}

pub(crate) async fn post_enroll(
    State(app): State<App>,
    peer: Peer,
    Message(request): Message<EnrolRequest>,
) -> std::result::Result<Answer<EnrolResponse>, ApiError> {
    let made = app.run(move |centre| enrol(centre, &peer, &request)).await?;
    Ok(Answer(StatusCode::OK, made))
}

pub(crate) async fn post_renew(
    State(app): State<App>,
    peer: Peer,
    Message(request): Message<RenewRequest>,
) -> std::result::Result<Answer<EnrolResponse>, ApiError> {
    let made = app.run(move |centre| renew(centre, &peer, &request)).await?;
    Ok(Answer(StatusCode::OK, made))
}
