//! Devices, officers, tickets and certificates.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use spotcheck_wire::enrol::{Ticket, TicketKind};

use super::SqliteStore;
use crate::repository::{
    CertificateKind, CertificateRow, Device, Directory, Enrolment, IssuerKind, Officer,
    RevokedSerial, TicketRow,
};
use crate::{Error, Result};

const DEVICE_COLUMNS: &str = "d.id, d.name, d.created_ms, d.revoked_ms, r.recipient
    FROM device d LEFT JOIN package_recipient r ON r.device = d.id";

fn device_row(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        id: row.get(0)?,
        name: row.get(1)?,
        created_ms: row.get(2)?,
        revoked_ms: row.get(3)?,
        package_recipient: row.get(4)?,
    })
}

const OFFICER_COLUMNS: &str = "id, name, agency, credential_kind, credential_number,
    credential_valid_until, created_ms, revoked_ms FROM officer";

fn officer_row(row: &Row<'_>) -> rusqlite::Result<Officer> {
    Ok(Officer {
        id: row.get(0)?,
        name: row.get(1)?,
        agency: row.get(2)?,
        credential_kind: row.get(3)?,
        credential_number: row.get(4)?,
        credential_valid_until: row.get(5)?,
        created_ms: row.get(6)?,
        revoked_ms: row.get(7)?,
    })
}

fn kind_text(kind: TicketKind) -> &'static str {
    match kind {
        TicketKind::Device => "device",
        TicketKind::Officer => "officer",
    }
}

fn insert_certificate(connection: &Connection, row: &CertificateRow) -> Result<()> {
    connection.execute(
        "INSERT INTO certificate (sha256, issuer, serial, kind, subject, device, not_before_ms,
             not_after_ms, der) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            row.sha256,
            row.issuer.as_str(),
            row.serial,
            row.kind.as_str(),
            row.subject,
            row.device,
            row.not_before_ms,
            row.not_after_ms,
            row.der
        ],
    )?;
    Ok(())
}

fn enrol_in(t: &Transaction<'_>, e: &Enrolment<'_>) -> Result<bool> {
    let used = t.execute(
        "UPDATE ticket SET used_ms = ?2 WHERE locator = ?1 AND used_ms IS NULL AND expires_ms > ?2",
        params![e.locator, e.at_ms],
    )?;
    if used != 1 {
        return Ok(false);
    }
    if e.kind == TicketKind::Device {
        t.execute(
            "INSERT INTO device (id, name, created_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            params![e.subject, e.name, e.at_ms],
        )?;
        // A handheld that enrols again is a new installation: its old connection keys are not ours to
        // trust. Its old evidence certificate stays: what it sealed before may still be on the way.
        t.execute(
            "UPDATE certificate SET revoked_ms = ?2
             WHERE kind = 'device-tls' AND subject = ?1 AND revoked_ms IS NULL",
            params![e.subject, e.at_ms],
        )?;
        t.execute("DELETE FROM package_recipient WHERE device = ?1", [e.subject])?;
    }
    for certificate in e.certificates {
        insert_certificate(t, certificate)?;
    }
    if let Some((device, recipient)) = e.package_recipient {
        t.execute(
            "INSERT INTO package_recipient (device, recipient, changed_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (device) DO UPDATE SET recipient = excluded.recipient,
                 changed_ms = excluded.changed_ms",
            params![device, recipient, e.at_ms],
        )?;
    }
    Ok(true)
}

impl Directory for SqliteStore {
    fn add_ticket(&self, ticket: &Ticket, created_ms: i64, expires_ms: i64) -> Result<()> {
        let body = serde_json::to_vec(ticket).map_err(|_| Error::Stored("ticket"))?;
        self.write(|t| {
            t.execute(
                "INSERT INTO ticket (locator, kind, subject, body, created_ms, expires_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    ticket.locator(),
                    kind_text(ticket.kind),
                    ticket.id,
                    body,
                    created_ms,
                    expires_ms
                ],
            )?;
            Ok(())
        })
    }

    fn ticket(&self, locator: &str) -> Result<Option<TicketRow>> {
        let found: Option<(Vec<u8>, i64, Option<i64>)> = self.read(|c| {
            let sql = "SELECT body, expires_ms, used_ms FROM ticket WHERE locator = ?1";
            Ok(c.prepare_cached(sql)?
                .query_row([locator], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?)
        })?;
        found
            .map(|(body, expires_ms, used_ms)| {
                let ticket = serde_json::from_slice(&body).map_err(|_| Error::Stored("ticket"))?;
                Ok(TicketRow { ticket, expires_ms, used_ms })
            })
            .transpose()
    }

    fn has_open_ticket(&self, kind: TicketKind, subject: &str, now_ms: i64) -> Result<bool> {
        self.read(|c| {
            let sql = "SELECT 1 FROM ticket WHERE kind = ?1 AND subject = ?2 AND used_ms IS NULL
                AND expires_ms > ?3 LIMIT 1";
            let found: Option<i64> = c
                .prepare_cached(sql)?
                .query_row(params![kind_text(kind), subject, now_ms], |row| row.get(0))
                .optional()?;
            Ok(found.is_some())
        })
    }

    fn enrol(&self, enrolment: &Enrolment<'_>) -> Result<bool> {
        self.write(|t| enrol_in(t, enrolment))
    }

    fn device(&self, id: &str) -> Result<Option<Device>> {
        self.read(|c| {
            let sql = format!("SELECT {DEVICE_COLUMNS} WHERE d.id = ?1");
            Ok(c.prepare_cached(&sql)?.query_row([id], device_row).optional()?)
        })
    }

    fn devices(&self) -> Result<Vec<Device>> {
        self.read(|c| {
            let sql = format!("SELECT {DEVICE_COLUMNS} ORDER BY d.id");
            Ok(c.prepare_cached(&sql)?
                .query_map([], device_row)?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn revoke_device(&self, id: &str, at_ms: i64) -> Result<bool> {
        self.write(|t| {
            let found = t.execute(
                "UPDATE device SET revoked_ms = COALESCE(revoked_ms, ?2) WHERE id = ?1",
                params![id, at_ms],
            )?;
            t.execute(
                "UPDATE certificate SET revoked_ms = COALESCE(revoked_ms, ?2)
                 WHERE kind IN ('device-tls', 'device') AND subject = ?1",
                params![id, at_ms],
            )?;
            t.execute(
                "UPDATE ticket SET used_ms = ?2
                 WHERE kind = 'device' AND subject = ?1 AND used_ms IS NULL",
                params![id, at_ms],
            )?;
            Ok(found == 1)
        })
    }

    fn put_officer(&self, o: &Officer) -> Result<()> {
        self.write(|t| {
            t.execute(
                "INSERT INTO officer (id, name, agency, credential_kind, credential_number,
                     credential_valid_until, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, agency = excluded.agency,
                     credential_kind = excluded.credential_kind,
                     credential_number = excluded.credential_number,
                     credential_valid_until = excluded.credential_valid_until",
                params![
                    o.id,
                    o.name,
                    o.agency,
                    o.credential_kind,
                    o.credential_number,
                    o.credential_valid_until,
                    o.created_ms
                ],
            )?;
            Ok(())
        })
    }

    fn officer(&self, id: &str) -> Result<Option<Officer>> {
        self.read(|c| {
            let sql = format!("SELECT {OFFICER_COLUMNS} WHERE id = ?1");
            Ok(c.prepare_cached(&sql)?.query_row([id], officer_row).optional()?)
        })
    }

    fn officers(&self) -> Result<Vec<Officer>> {
        self.read(|c| {
            let sql = format!("SELECT {OFFICER_COLUMNS} ORDER BY id");
            Ok(c.prepare_cached(&sql)?
                .query_map([], officer_row)?
                .collect::<rusqlite::Result<_>>()?)
        })
    }

    fn revoke_officer(&self, id: &str, at_ms: i64) -> Result<bool> {
        self.write(|t| {
            let found = t.execute(
                "UPDATE officer SET revoked_ms = COALESCE(revoked_ms, ?2) WHERE id = ?1",
                params![id, at_ms],
            )?;
            t.execute(
                "UPDATE certificate SET revoked_ms = COALESCE(revoked_ms, ?2)
                 WHERE kind = 'officer' AND subject = ?1",
                params![id, at_ms],
            )?;
            Ok(found == 1)
        })
    }

    fn add_certificate(&self, row: &CertificateRow) -> Result<()> {
        self.write(|t| insert_certificate(t, row))
    }

    fn newest_certificate(
        &self,
        kind: CertificateKind,
        subject: &str,
    ) -> Result<Option<CertificateRow>> {
        self.read(|c| {
            let sql = "SELECT sha256, issuer, serial, device, not_before_ms, not_after_ms, der
                FROM certificate WHERE kind = ?1 AND subject = ?2 AND revoked_ms IS NULL
                ORDER BY not_after_ms DESC LIMIT 1";
            Ok(c.prepare_cached(sql)?
                .query_row(params![kind.as_str(), subject], |row| {
                    let issuer: String = row.get(1)?;
                    Ok(CertificateRow {
                        sha256: row.get(0)?,
                        issuer: if issuer == "tls" {
                            IssuerKind::Tls
                        } else {
                            IssuerKind::Evidence
                        },
                        serial: row.get(2)?,
                        kind,
                        subject: subject.to_owned(),
                        device: row.get(3)?,
                        not_before_ms: row.get(4)?,
                        not_after_ms: row.get(5)?,
                        der: row.get(6)?,
                    })
                })
                .optional()?)
        })
    }

    fn certificate_revoked(
        &self,
        sha256: &str,
        kind: CertificateKind,
        subject: &str,
    ) -> Result<Option<bool>> {
        self.read(|c| {
            let sql = "SELECT revoked_ms IS NOT NULL FROM certificate
                WHERE sha256 = ?1 AND kind = ?2 AND subject = ?3";
            Ok(c.prepare_cached(sql)?
                .query_row(params![sha256, kind.as_str(), subject], |row| row.get(0))
                .optional()?)
        })
    }

    fn revoked(&self, issuer: IssuerKind) -> Result<Vec<RevokedSerial>> {
        self.read(|c| {
            let sql = "SELECT serial, revoked_ms FROM certificate
                WHERE issuer = ?1 AND revoked_ms IS NOT NULL ORDER BY revoked_ms, serial";
            Ok(c.prepare_cached(sql)?
                .query_map([issuer.as_str()], |row| {
                    Ok(RevokedSerial { serial: row.get(0)?, revoked_ms: row.get(1)? })
                })?
                .collect::<rusqlite::Result<_>>()?)
        })
    }
}
