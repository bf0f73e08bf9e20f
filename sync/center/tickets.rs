//! Tickets: a one-use, 24-hour, 128-bit invitation for a handheld or an officer.

use spotcheck_domain::id::is_plain_id;
use spotcheck_domain::rfc3339;
use spotcheck_wire::enrol::{TICKET_SCHEMA, Ticket, TicketKind};

use crate::ca::DAY_MS;
use crate::centre::Centre;
use crate::{Error, Result};

const PUBLIC_URL: &str = "public.url";

/// Remembers under which address handhelds reach the centre.
///
/// # Errors
/// Those of the database.
pub fn put_public_url(centre: &Centre, url: &str) -> Result<()> {
    centre.repo().put_setting(PUBLIC_URL, url.as_bytes())
}

/// The address handhelds reach the centre under, as `serve` was last told.
///
/// # Errors
/// Never served yet.
pub fn public_url(centre: &Centre) -> Result<String> {
    let stored = centre.repo().setting(PUBLIC_URL)?.ok_or_else(|| {
        Error::refused(
            "CENTRE-NO-URL",
            "还不知道手持机用什么地址访问中心。",
            "请先运行 serve,或用 --centre https://主机：端口 指定。",
        )
    })?;
    String::from_utf8(stored).map_err(|_| Error::Stored("public URL"))
}

/// Makes a ticket. For an officer, the name comes from the officer's entry.
///
/// # Errors
/// Bad id, revoked subject, unknown officer, or no address known.
pub fn new_ticket(
    centre: &Centre,
    kind: TicketKind,
    id: &str,
    name: Option<&str>,
    url: Option<&str>,
) -> Result<Ticket> {
    let revoked =
        || Error::refused("TICKET-REVOKED", "该编号已停用，不能再登记。", "请使用新的编号。");
    if !is_plain_id(id) || matches!(id, "." | "..") {
        return Err(Error::refused(
            "TICKET-ID",
            "编号不符合格式。",
            "编号为 1 至 64 个字母、数字、点、下划线或连字符。",
        ));
    }
    let name = match kind {
        TicketKind::Device => {
            if centre.repo().device(id)?.is_some_and(|d| d.revoked_ms.is_some()) {
                return Err(revoked());
            }
            name.unwrap_or(id).to_owned()
        }
        TicketKind::Officer => {
            let officer = centre
                .repo()
                .officer(id)?
                .ok_or(Error::NotFound { what: "officer", zh: "检查人员" })?;
            if officer.revoked_ms.is_some() {
                return Err(revoked());
            }
            officer.name
        }
    };
    let mut code = [0_u8; 16];
    centre.entropy().fill(&mut code);
    let now = centre.now_ms();
    let expires_ms = now.saturating_add(DAY_MS);
    let ticket = Ticket {
        schema: TICKET_SCHEMA.to_owned(),
        kind,
        id: id.to_owned(),
        name,
        centre: url.map_or_else(|| public_url(centre), |u| Ok(u.to_owned()))?,
        ca_sha256: centre.ca().tls.sha256(),
        code: hex::encode(code),
        expires: rfc3339(expires_ms),
    };
    centre.repo().add_ticket(&ticket, now, expires_ms)?;
    Ok(ticket)
}
