//! Rows of officers in keys.db, and the keys that wait for their certificates.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use serde::{Deserialize, Serialize};
use spotcheck_app::desk::OfficerCard;
use spotcheck_domain::OfficerId;

use crate::error::VaultError;
use crate::pin::{PinWrap, WrongPins};

/// The sealed keys of one officer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OfficerKeys {
    /// Vault key under device secret and PIN.
    pub(crate) vault: PinWrap,
    /// `age1…`, public.
    pub(crate) recipient: String,
    /// Its identity under the vault key.
    pub(crate) identity_wrap: Vec<u8>,
    /// Signing key under device secret and PIN.
    pub(crate) signing: PinWrap,
}

/// An officer with a key here.
pub(crate) struct OfficerRow {
    pub(crate) keys: OfficerKeys,
    pub(crate) chain: String,
    pub(crate) wrong: WrongPins,
}

const COLUMNS: &str = "id, name, chain, until, vmk_kib, vmk_passes, vmk_lanes, vmk_salt, vmk_wrap, \
     recipient, identity_wrap, sign_kib, sign_passes, sign_lanes, sign_salt, sign_wrap, \
     wrong_pins, wrong_boot_id, wrong_at_ms";

fn pin_wrap(row: &Row<'_>, prefix: &str) -> rusqlite::Result<PinWrap> {
    Ok(PinWrap {
        memory_kib: row.get(format!("{prefix}_kib").as_str())?,
        passes: row.get(format!("{prefix}_passes").as_str())?,
        lanes: row.get(format!("{prefix}_lanes").as_str())?,
        salt: row.get(format!("{prefix}_salt").as_str())?,
        body: row.get(format!("{prefix}_wrap").as_str())?,
    })
}

/// The row of an officer.
pub(crate) fn load(db: &Connection, officer: &OfficerId) -> Result<OfficerRow, VaultError> {
    db.query_row(
        &format!("SELECT {COLUMNS} FROM officer WHERE id = ?1"),
        [officer.as_str()],
        |row| {
            Ok(OfficerRow {
                keys: OfficerKeys {
                    vault: pin_wrap(row, "vmk")?,
                    recipient: row.get("recipient")?,
                    identity_wrap: row.get("identity_wrap")?,
                    signing: pin_wrap(row, "sign")?,
                },
                chain: row.get("chain")?,
                wrong: WrongPins {
                    count: row.get("wrong_pins")?,
                    boot_id: row.get("wrong_boot_id")?,
                    at_ms: row.get("wrong_at_ms")?,
                },
            })
        },
    )
    .optional()?
    .ok_or_else(|| VaultError::NoOfficer(officer.clone()))
}

/// All officers, by id.
pub(crate) fn cards(db: &Connection) -> Result<Vec<OfficerCard>, VaultError> {
    let mut statement = db.prepare(&format!("SELECT {COLUMNS} FROM officer ORDER BY id"))?;
    let rows = statement.query_map([], |row| {
        let token = pin_wrap(row, "vmk")?.needs_token();
        Ok((row.get::<_, String>("id")?, row.get("name")?, row.get("until")?, token))
    })?;
    let mut cards = Vec::new();
    for row in rows {
        let (id, name, certificate_until, token) = row?;
        let id = OfficerId::parse(&id).map_err(|_| VaultError::Sealed("officer id"))?;
        cards.push(OfficerCard { id, name, certificate_until, token });
    }
    Ok(cards)
}

/// Stores or replaces an officer; wrong PINs start at zero.
pub(crate) fn store(
    tx: &Transaction<'_>,
    id: &OfficerId,
    name: &str,
    chain: &str,
    until: &str,
    keys: &OfficerKeys,
) -> Result<(), VaultError> {
    tx.execute(
        "INSERT INTO officer (id, name, chain, until, vmk_kib, vmk_passes, vmk_lanes, vmk_salt, \
         vmk_wrap, recipient, identity_wrap, sign_kib, sign_passes, sign_lanes, sign_salt, sign_wrap) \
         VALUES (:id, :name, :chain, :until, :vk, :vp, :vl, :vs, :vw, :recipient, :identity, \
         :sk, :sp, :sl, :ss, :sw) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, chain = excluded.chain, \
         until = excluded.until, vmk_kib = excluded.vmk_kib, vmk_passes = excluded.vmk_passes, \
         vmk_lanes = excluded.vmk_lanes, vmk_salt = excluded.vmk_salt, vmk_wrap = excluded.vmk_wrap, \
         recipient = excluded.recipient, identity_wrap = excluded.identity_wrap, \
         sign_kib = excluded.sign_kib, sign_passes = excluded.sign_passes, \
         sign_lanes = excluded.sign_lanes, sign_salt = excluded.sign_salt, \
         sign_wrap = excluded.sign_wrap, wrong_pins = 0, wrong_boot_id = '', wrong_at_ms = 0",
        named_params! {
            ":id": id.as_str(), ":name": name, ":chain": chain, ":until": until,
            ":vk": keys.vault.memory_kib, ":vp": keys.vault.passes, ":vl": keys.vault.lanes,
            ":vs": keys.vault.salt, ":vw": keys.vault.body,
            ":recipient": keys.recipient, ":identity": keys.identity_wrap,
            ":sk": keys.signing.memory_kib, ":sp": keys.signing.passes, ":sl": keys.signing.lanes,
            ":ss": keys.signing.salt, ":sw": keys.signing.body,
        },
    )?;
    Ok(())
}

/// Replaces the wrap of the vault key (raised cost).
pub(crate) fn set_vault_wrap(
    tx: &Transaction<'_>,
    id: &OfficerId,
    wrap: &PinWrap,
) -> Result<(), VaultError> {
    tx.execute(
        "UPDATE officer SET vmk_kib = ?2, vmk_passes = ?3, vmk_lanes = ?4, vmk_salt = ?5, \
         vmk_wrap = ?6 WHERE id = ?1",
        params![id.as_str(), wrap.memory_kib, wrap.passes, wrap.lanes, wrap.salt, wrap.body],
    )?;
    Ok(())
}

/// Replaces the wrap of the signing key (raised cost).
pub(crate) fn set_signing_wrap(
    tx: &Transaction<'_>,
    id: &OfficerId,
    wrap: &PinWrap,
) -> Result<(), VaultError> {
    tx.execute(
        "UPDATE officer SET sign_kib = ?2, sign_passes = ?3, sign_lanes = ?4, sign_salt = ?5, \
         sign_wrap = ?6 WHERE id = ?1",
        params![id.as_str(), wrap.memory_kib, wrap.passes, wrap.lanes, wrap.salt, wrap.body],
    )?;
    Ok(())
}

/// Sets the count of wrong PINs.
pub(crate) fn set_wrong(
    tx: &Transaction<'_>,
    id: &OfficerId,
    wrong: &WrongPins,
) -> Result<(), VaultError> {
    tx.execute(
        "UPDATE officer SET wrong_pins = ?2, wrong_boot_id = ?3, wrong_at_ms = ?4 WHERE id = ?1",
        params![id.as_str(), wrong.count, wrong.boot_id, wrong.at_ms],
    )?;
    Ok(())
}
