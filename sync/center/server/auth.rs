//! Who asks, and what for: looked up per request, so that a revocation works at once.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use spotcheck_wire::hello::CLIENT_VERSION_HEADER;
use spotcheck_wire::problem::code;

use super::MINIMUM_CLIENT;
use super::problem::ApiError;
use crate::ca::DAY_MS;
use crate::centre::Centre;
use crate::repository::CertificateKind;
use crate::tls::PeerCertificate;

/// Days after its end in which a certificate may still renew and upload.
const GRACE_DAYS: i64 = 400;

/// The certificate of the connection, if any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peer(pub(crate) Option<PeerCertificate>);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Tasks and packages: a valid certificate, not revoked.
    Pull,
    /// A new certificate, or the device journal: up to 400 days after expiry, not revoked.
    Keep,
    /// Sealed bundles: as `Keep`, and a revoked device too (kept apart).
    Deliver,
}

/// A device that may do what it asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) device: String,
    pub(crate) name: String,
    pub(crate) revoked: bool,
}

fn unauthenticated() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        code::UNAUTHENTICATED,
        "设备未经认证",
        "没有出示本中心签发的设备证书，请先登记设备。",
    )
}

/// Decides whether the connection's certificate may be used for a purpose now.
pub(crate) fn caller(centre: &Centre, peer: &Peer, purpose: Purpose) -> Result<Caller, ApiError> {
    let peer = peer.0.as_ref().ok_or_else(unauthenticated)?;
    let device = centre.repo().device(&peer.device)?.ok_or_else(unauthenticated)?;
    let certificate_revoked = centre
        .repo()
        .certificate_revoked(&peer.sha256, CertificateKind::DeviceTls, &peer.device)?
        .ok_or_else(unauthenticated)?;
    let now_s = centre.now_ms().div_euclid(1000);
    let late_s = now_s.saturating_sub(peer.not_after_s);
    let grace_s = GRACE_DAYS.saturating_mul(DAY_MS).div_euclid(1000);
    if (purpose == Purpose::Pull && late_s > 0) || late_s > grace_s {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            code::EXPIRED,
            "设备证书已过期",
            "请先更新设备证书；已封存的证据仍可上传。",
        ));
    }
    let revoked = device.revoked_ms.is_some() || certificate_revoked;
    if revoked && purpose != Purpose::Deliver {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            code::REVOKED,
            "设备已停用",
            "该设备已被停用，只能上交已经封存的证据包。",
        ));
    }
    Ok(Caller { device: device.id, name: device.name, revoked })
}

fn version(text: &str) -> Option<[u32; 3]> {
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

/// The version a client names; one that names none is let pass (a browser, curl).
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientVersion(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for ClientVersion {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let value = parts.headers.get(CLIENT_VERSION_HEADER);
        Ok(Self(value.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())))
    }
}

impl ClientVersion {
    /// Refuses a client that is too old to pull.
    pub(crate) fn may_pull(&self) -> Result<(), ApiError> {
        let Some(text) = &self.0 else { return Ok(()) };
        if version(text) >= version(MINIMUM_CLIENT) {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::UPGRADE_REQUIRED,
            code::CLIENT_TOO_OLD,
            "手持机程序版本过低",
            "请先升级手持机程序；已封存的证据仍可上传。",
        )
        .header("upgrade", "spotcheck/1"))
    }
}
