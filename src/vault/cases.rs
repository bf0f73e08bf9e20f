//! Keys of cases and of packages: made, wrapped per officer, escrowed, destroyed.
//!
//! Order of making a case: first `<case>.keys.age` for intake and escrow, durable; then the wraps in one
//! transaction; only then does anybody learn that the case exists. A handheld that dies at any moment
//! leaves either no case or one that the centre can open whole (evidence.md §1, R41, R42).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{OptionalExtension, params};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use spotcheck_app::ports::{DeviceEnrolment, Key256};
use spotcheck_domain::{CaseId, OfficerId};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::atomic;
use crate::crypto::{key_from, random_key};
use crate::error::VaultError;
use crate::sealing;
use crate::vault::{CaseKeys, Inner};

/// Schema of the JSON inside `<case>.keys.age` and inside each officer's wrap.
pub const CASE_KEYS_SCHEMA: &str = "spotcheck-case-keys/1";

/// Stands for the intake keys of a case that was taken over from another handheld (`spotcheck-wire` has the word).
const UNKNOWN_INTAKE: &str = "unknown";

const AGE_MAGIC: &[u8] = b"age-encryption.org/v1\n";
const PACKAGE: &str = "package";
const CASE: &str = "case";

/// Secret members are wiped when it is dropped; never goes through a JSON tree that would not be.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct CaseKeysFile {
    schema: String,
    case: String,
    db_key: String,
    identity: String,
}

/// RFC 8785 by hand: four ASCII members in order, nothing to escape.
fn case_keys_json(case: &CaseId, db_key: &Key256, identity: &str) -> Zeroizing<Vec<u8>> {
    let db_key = Zeroizing::new(hex::encode(db_key.as_slice()));
    let mut json = Zeroizing::new(Vec::with_capacity(512));
    for part in [
        "{\"case\":\"",
        case.as_str(),
        "\",\"db_key\":\"",
        &db_key,
        "\",\"identity\":\"",
        identity,
        "\",\"schema\":\"",
        CASE_KEYS_SCHEMA,
        "\"}",
    ] {
        json.extend_from_slice(part.as_bytes());
    }
    json
}

fn read_case_keys(case: &CaseId, json: &[u8]) -> Result<CaseKeys, VaultError> {
    let damaged = || VaultError::Sealed("case keys");
    let file: CaseKeysFile = serde_json::from_slice(json).map_err(|_| damaged())?;
    if file.schema != CASE_KEYS_SCHEMA || file.case != case.as_str() {
        return Err(damaged());
    }
    let raw = Zeroizing::new(hex::decode(&file.db_key).map_err(|_| damaged())?);
    Ok(CaseKeys {
        db_key: key_from(&raw).ok_or_else(damaged)?,
        identity: sealing::identity(&file.identity).ok_or_else(damaged)?,
        identity_text: Zeroizing::new(file.identity.clone()),
    })
}

/// A wrap for one officer, ready to be stored.
struct NewWrap {
    kind: &'static str,
    subject: String,
    officer: String,
    recipient: String,
    body: Vec<u8>,
}

impl NewWrap {
    fn seal(
        kind: &'static str,
        subject: &str,
        officer: &str,
        recipient: &str,
        plaintext: &[u8],
    ) -> Result<Self, VaultError> {
        let to = [sealing::recipient(recipient, "officer")?];
        Ok(Self {
            kind,
            subject: subject.to_owned(),
            officer: officer.to_owned(),
            recipient: recipient.to_owned(),
            body: sealing::seal(&to, plaintext)?,
        })
    }

    fn store(&self, tx: &rusqlite::Transaction<'_>) -> Result<(), VaultError> {
        tx.execute(
            "INSERT INTO wrap (kind, subject, officer, recipient, body) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (kind, subject, officer) \
             DO UPDATE SET recipient = excluded.recipient, body = excluded.body",
            params![self.kind, self.subject, self.officer, self.recipient, self.body],
        )?;
        Ok(())
    }
}

/// A package identity that was not kept yet: its public half, and the secret one to its first officer.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewPackage {
    pub(crate) recipient: String,
    wrap: Vec<u8>,
}

impl NewPackage {
    fn make(officer_recipient: &str) -> Result<Self, VaultError> {
        let (secret, recipient) = sealing::new_identity();
        let to = [sealing::recipient(officer_recipient, "officer")?];
        Ok(Self { recipient, wrap: sealing::seal(&to, sealing::secret_bytes(&secret))? })
    }
}

/// True if somebody here can open the package identity, once this officer has this recipient.
fn package_openable(
    db: &rusqlite::Connection,
    officer: &OfficerId,
    recipient: &str,
) -> Result<bool, VaultError> {
    let count: i64 = db.query_row(
        "SELECT count(*) FROM wrap w JOIN officer o ON o.id = w.officer WHERE w.kind = 'package' \
         AND w.recipient = CASE o.id WHEN ?1 THEN ?2 ELSE o.recipient END",
        [officer.as_str(), recipient],
        |row| row.get(0),
    )?;
    Ok(count > 0)
}

fn parse_cases(
    rows: impl Iterator<Item = rusqlite::Result<String>>,
) -> Result<Vec<CaseId>, VaultError> {
    let mut cases = Vec::new();
    for row in rows {
        cases.push(CaseId::parse(&row?).map_err(|_| VaultError::Sealed("case id"))?);
    }
    Ok(cases)
}

/// Who opens what the centre alone may open: intake and escrow.
pub(crate) fn centre_recipients(
    enrolment: &DeviceEnrolment,
) -> Result<[age::x25519::Recipient; 2], VaultError> {
    Ok([
        sealing::recipient(&enrolment.intake, "intake")?,
        sealing::recipient(&enrolment.escrow, "escrow")?,
    ])
}

impl Inner {
    /// Folder entry of the escrowed keys of a case.
    fn escrow_path(&self, case: &CaseId) -> std::path::PathBuf {
        self.case_folder(case).join(format!("{case}.keys.age"))
    }

    /// Public recipient of a case that still has keys.
    pub(crate) fn case_recipient(&self, case: &CaseId) -> Result<String, VaultError> {
        let found = self
            .db
            .connection()?
            .query_row(
                "SELECT recipient, shredded FROM case_keys WHERE id = ?1",
                [case.as_str()],
                |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)),
            )
            .optional()?;
        match found {
            None => Err(VaultError::NoCase(case.clone())),
            Some((_, true)) => Err(VaultError::CaseShredded(case.clone())),
            Some((recipient, false)) => Ok(recipient),
        }
    }

    /// Intake key a case was begun with, and its id; `None` for a case that was taken over.
    pub(crate) fn case_intake(
        &self,
        case: &CaseId,
    ) -> Result<Option<(String, String)>, VaultError> {
        let found = self
            .db
            .connection()?
            .query_row(
                "SELECT intake, intake_id FROM case_keys WHERE id = ?1",
                [case.as_str()],
                |row| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<String>>(1)?)),
            )
            .optional()?;
        Ok(found.and_then(|(intake, id)| intake.zip(id)))
    }

    /// Ids of the intake keys that something here may be sealed for, the present one first.
    pub(crate) fn intake_keys(&self) -> Result<Vec<String>, VaultError> {
        let mut keys = vec![self.enrolled()?.intake_id];
        let mut statement = self
            .db
            .connection()?
            .prepare("SELECT DISTINCT intake_id FROM case_keys WHERE shredded = 0 ORDER BY 1")?;
        for row in statement.query_map([], |row| row.get::<_, Option<String>>(0))? {
            let id = row?.unwrap_or_else(|| UNKNOWN_INTAKE.to_owned());
            if !keys.contains(&id) {
                keys.push(id);
            }
        }
        Ok(keys)
    }

    /// Cases whose keys are here.
    pub(crate) fn cases(&self) -> Result<Vec<CaseId>, VaultError> {
        let mut statement = self
            .db
            .connection()?
            .prepare("SELECT id FROM case_keys WHERE shredded = 0 ORDER BY id")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        parse_cases(rows)
    }

    pub(crate) fn create_case(
        &mut self,
        case: &CaseId,
        officers: &[OfficerId],
    ) -> Result<(), VaultError> {
        let enrolment = self.enrolled()?;
        let unlocked = self.opened()?.officer.clone();
        match self.case_recipient(case) {
            Err(VaultError::NoCase(_)) => {}
            Ok(_) => return Err(VaultError::CaseExists(case.clone())),
            Err(other) => return Err(other),
        }
        let db_key = random_key(self.entropy.as_ref());
        let (secret, _): (SecretString, String) = sealing::new_identity();
        let json = case_keys_json(case, &db_key, secret.expose_secret());
        let escrow = sealing::seal(&centre_recipients(&enrolment)?, &json)?;
        let intake = Some((enrolment.intake, enrolment.intake_id));
        self.store_case(case, (&json, &escrow), intake, officers, &unlocked)
    }

    /// Escrow file first, then the wraps in one transaction.
    fn store_case(
        &mut self,
        case: &CaseId,
        (json, escrow): (&[u8], &[u8]),
        intake: Option<(String, String)>,
        officers: &[OfficerId],
        unlocked: &OfficerId,
    ) -> Result<(), VaultError> {
        let mut named: Vec<&OfficerId> = officers.iter().collect();
        named.push(unlocked);
        named.sort();
        named.dedup();
        let keys = read_case_keys(case, json)?;
        let recipient = sealing::public_text(&keys.identity);
        let wraps = self.case_wraps(case, json, &named)?;
        atomic::create_folder(&self.case_folder(case))?;
        atomic::write_durable(&self.escrow_path(case), escrow)?;
        self.db.change(|tx| {
            let (intake, intake_id) = intake.unzip();
            tx.execute(
                "INSERT INTO case_keys (id, recipient, intake, intake_id) VALUES (?1, ?2, ?3, ?4)",
                params![case.as_str(), recipient, intake, intake_id],
            )?;
            for officer in &named {
                tx.execute(
                    "INSERT INTO case_officer (case_id, officer) VALUES (?1, ?2)",
                    params![case.as_str(), officer.as_str()],
                )?;
            }
            wraps.iter().try_for_each(|wrap| wrap.store(tx))
        })?;
        if let Some(unlocked) = self.unlocked.as_mut() {
            unlocked.cases.insert(case.clone(), keys);
        }
        Ok(())
    }

    /// One wrap for each of the officers named who has keys here.
    fn case_wraps(
        &self,
        case: &CaseId,
        json: &[u8],
        named: &[&OfficerId],
    ) -> Result<Vec<NewWrap>, VaultError> {
        let mut wraps = Vec::new();
        for card in crate::officers::cards(self.db.connection()?)? {
            if named.contains(&&card.id) {
                let row = crate::officers::load(self.db.connection()?, &card.id)?;
                let id = card.id.as_str();
                wraps.push(NewWrap::seal(CASE, case.as_str(), id, &row.keys.recipient, json)?);
            }
        }
        Ok(wraps)
    }

    /// The keys of a case for another handheld of the task.
    pub(crate) fn share_case(
        &mut self,
        case: &CaseId,
        recipient: &str,
    ) -> Result<Vec<u8>, VaultError> {
        let to = [sealing::recipient(recipient, "handheld")?];
        let keys = self.case_keys(case)?;
        sealing::seal(&to, &case_keys_json(case, &keys.db_key, &keys.identity_text))
    }

    /// Takes over the keys of another handheld's case, or takes back those of one of its own that no PIN here
    /// opens any more: they came from the centre, which opened them by intake or escrow.
    pub(crate) fn adopt_case(
        &mut self,
        case: &CaseId,
        shared: &[u8],
        escrow: &[u8],
        officers: &[OfficerId],
    ) -> Result<(), VaultError> {
        let unlocked = self.opened()?.officer.clone();
        let identity = self.package_identity()?.ok_or(VaultError::NoPackageKey)?;
        let json =
            sealing::open(&identity, shared).ok_or(VaultError::Sealed("shared case keys"))?;
        let recipient = sealing::public_text(&read_case_keys(case, &json)?.identity);
        match self.case_recipient(case) {
            Err(VaultError::NoCase(_)) => {
                self.store_case(case, (&json, escrow), None, officers, &unlocked)
            }
            Ok(known) if known == recipient => {
                let named: Vec<&OfficerId> = officers.iter().chain([&unlocked]).collect();
                let wraps = self.case_wraps(case, &json, &named)?;
                self.db.change(|tx| {
                    for officer in &named {
                        tx.execute(
                            "INSERT OR IGNORE INTO case_officer (case_id, officer) VALUES (?1, ?2)",
                            params![case.as_str(), officer.as_str()],
                        )?;
                    }
                    wraps.iter().try_for_each(|wrap| wrap.store(tx))
                })
            }
            Ok(_) => Err(VaultError::CaseExists(case.clone())),
            Err(other) => Err(other),
        }
    }

    /// Keys of a case, unwrapped once per unlock.
    pub(crate) fn case_keys(&mut self, case: &CaseId) -> Result<&CaseKeys, VaultError> {
        self.case_recipient(case)?;
        let unlocked = self.opened()?;
        if !unlocked.cases.contains_key(case) {
            let body = self
                .wrap_of(CASE, case.as_str(), &unlocked.officer)?
                .ok_or_else(|| VaultError::NoCaseKey(case.clone()))?;
            let json = sealing::open(&unlocked.identity, &body)
                .ok_or_else(|| VaultError::NoCaseKey(case.clone()))?;
            let keys = read_case_keys(case, &json)?;
            let unlocked = self.unlocked.as_mut().ok_or(VaultError::Locked)?;
            unlocked.cases.insert(case.clone(), keys);
        }
        self.opened()?.cases.get(case).ok_or_else(|| VaultError::NoCaseKey(case.clone()))
    }

    pub(crate) fn case_escrow(&self, case: &CaseId) -> Result<Vec<u8>, VaultError> {
        self.case_recipient(case)?;
        atomic::read_if_there(&self.escrow_path(case))?
            .ok_or_else(|| VaultError::BlobMissing(format!("{case}.keys.age")))
    }

    fn wrap_of(
        &self,
        kind: &str,
        subject: &str,
        officer: &OfficerId,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self
            .db
            .connection()?
            .query_row(
                "SELECT body FROM wrap WHERE kind = ?1 AND subject = ?2 AND officer = ?3",
                [kind, subject, officer.as_str()],
                |row| row.get(0),
            )
            .optional()?)
    }

    pub(crate) fn package_recipient(&self) -> Result<Option<String>, VaultError> {
        Ok(self
            .db
            .connection()?
            .query_row("SELECT recipient FROM package", [], |row| row.get(0))
            .optional()?)
    }

    /// A package identity for an officer who is to have this recipient, if nobody here could open the present
    /// one any more: for the first officer of a device, and where all others' keys went with their PINs. No
    /// PIN is needed for it. It is made with the request, so that the ticket's proof carries it to the centre;
    /// the mTLS key alone must never do that, since it opens without a PIN and would let whoever stole the
    /// handheld ask for packages of their own.
    pub(crate) fn new_package_for(
        &self,
        officer: &OfficerId,
        recipient: &str,
    ) -> Result<Option<NewPackage>, VaultError> {
        if package_openable(self.db.connection()?, officer, recipient)? {
            return Ok(None);
        }
        NewPackage::make(recipient).map(Some)
    }

    /// Keeps the package identity that came with an officer's request, if it is still needed.
    pub(crate) fn ensure_package_identity(
        tx: &rusqlite::Transaction<'_>,
        officer: &OfficerId,
        officer_recipient: &str,
        made: Option<NewPackage>,
    ) -> Result<(), VaultError> {
        if package_openable(tx, officer, officer_recipient)? {
            return Ok(());
        }
        let new = made.map_or_else(|| NewPackage::make(officer_recipient), Ok)?;
        tx.execute(
            "INSERT INTO package (id, recipient) VALUES (1, ?1) \
             ON CONFLICT (id) DO UPDATE SET recipient = excluded.recipient",
            [&new.recipient],
        )?;
        tx.execute("DELETE FROM wrap WHERE kind = 'package'", [])?;
        NewWrap {
            kind: PACKAGE,
            subject: String::new(),
            officer: officer.to_string(),
            recipient: officer_recipient.to_owned(),
            body: new.wrap,
        }
        .store(tx)
    }

    pub(crate) fn unwrap_package_key(&mut self, wrapped: &[u8]) -> Result<Key256, VaultError> {
        let unlocked = self.opened()?;
        if unlocked.package.is_none() {
            let identity = self.package_identity()?.ok_or(VaultError::NoPackageKey)?;
            if let Some(unlocked) = self.unlocked.as_mut() {
                unlocked.package = Some(identity);
            }
        }
        let identity = self.opened()?.package.as_ref().ok_or(VaultError::NoPackageKey)?;
        let file = if wrapped.starts_with(AGE_MAGIC) {
            wrapped.to_vec()
        } else {
            let text: Vec<u8> =
                wrapped.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
            STANDARD.decode(text).map_err(|_| VaultError::PackageKey)?
        };
        let key = sealing::open(identity, &file).ok_or(VaultError::PackageKey)?;
        key_from(&key).ok_or(VaultError::PackageKey)
    }

    fn package_identity(&self) -> Result<Option<age::x25519::Identity>, VaultError> {
        Ok(self
            .package_secret()?
            .and_then(|secret| std::str::from_utf8(&secret).ok().and_then(sealing::identity)))
    }

    fn package_secret(&self) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let unlocked = self.opened()?;
        let wrapped = self.wrap_of(PACKAGE, "", &unlocked.officer)?;
        Ok(wrapped.and_then(|body| sealing::open(&unlocked.identity, &body)))
    }

    /// Gives the other officers what the unlocked one has and they should have: the package identity, and
    /// the cases that name them. Also after an officer's recipient has changed.
    pub(crate) fn complete_wraps(&mut self) -> Result<(), VaultError> {
        let me = self.opened()?.officer.clone();
        let mut wraps = Vec::new();
        for (officer, recipient) in self.officers_without(PACKAGE, "", None)? {
            if officer != me.as_str()
                && let Some(secret) = self.package_secret()?
            {
                wraps.push(NewWrap::seal(PACKAGE, "", &officer, &recipient, &secret)?);
            }
        }
        for case in self.cases_of(&me)? {
            for (officer, recipient) in self.officers_without(CASE, case.as_str(), Some(&case))? {
                if officer == me.as_str() {
                    continue;
                }
                let keys = self.case_keys(&case)?;
                let json = case_keys_json(&case, &keys.db_key, &keys.identity_text);
                wraps.push(NewWrap::seal(CASE, case.as_str(), &officer, &recipient, &json)?);
            }
        }
        if wraps.is_empty() {
            return Ok(());
        }
        self.db.change(|tx| wraps.iter().try_for_each(|wrap| wrap.store(tx)))
    }

    /// Officers (id, recipient) who lack a wrap to their present recipient; of a case only those it names.
    fn officers_without(
        &self,
        kind: &str,
        subject: &str,
        case: Option<&CaseId>,
    ) -> Result<Vec<(String, String)>, VaultError> {
        let mut statement = self.db.connection()?.prepare(
            "SELECT o.id, o.recipient FROM officer o \
             WHERE NOT EXISTS (SELECT 1 FROM wrap w WHERE w.kind = ?1 AND w.subject = ?2 \
                               AND w.officer = o.id AND w.recipient = o.recipient) \
             AND (?3 IS NULL OR o.id IN (SELECT officer FROM case_officer WHERE case_id = ?3)) \
             ORDER BY o.id",
        )?;
        let rows = statement
            .query_map(params![kind, subject, case.map(CaseId::as_str)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Cases that an officer can open with the present recipient.
    fn cases_of(&self, officer: &OfficerId) -> Result<Vec<CaseId>, VaultError> {
        let mut statement = self.db.connection()?.prepare(
            "SELECT w.subject FROM wrap w JOIN officer o ON o.id = w.officer \
             WHERE w.kind = 'case' AND w.officer = ?1 AND w.recipient = o.recipient ORDER BY 1",
        )?;
        let rows = statement.query_map([officer.as_str()], |row| row.get::<_, String>(0))?;
        parse_cases(rows)
    }

    /// Leaves a case to the officers named and the unlocked one.
    pub(crate) fn assign_case(
        &mut self,
        case: &CaseId,
        officers: &[OfficerId],
    ) -> Result<(), VaultError> {
        self.case_keys(case)?;
        let mut named: Vec<&str> = officers.iter().map(OfficerId::as_str).collect();
        let me = self.opened()?.officer.to_string();
        named.push(&me);
        named.sort_unstable();
        named.dedup();
        self.db.change(|tx| {
            tx.execute("DELETE FROM case_officer WHERE case_id = ?1", [case.as_str()])?;
            for officer in &named {
                tx.execute(
                    "INSERT INTO case_officer (case_id, officer) VALUES (?1, ?2)",
                    params![case.as_str(), officer],
                )?;
            }
            tx.execute(
                "DELETE FROM wrap WHERE kind = 'case' AND subject = ?1 AND officer NOT IN \
                 (SELECT officer FROM case_officer WHERE case_id = ?1)",
                [case.as_str()],
            )?;
            Ok(())
        })?;
        self.complete_wraps()
    }

    /// Destroys every wrap of a case's keys on this handheld. Rows go under `secure_delete`, then the file
    /// is rewritten under a new key; if that is cut short it is done at the next opening. Best effort
    /// with file protection: flash may keep old pages, and the device secret still leads to their key.
    pub(crate) fn shred_case(&mut self, case: &CaseId) -> Result<(), VaultError> {
        self.case_recipient(case)?;
        if let Some(unlocked) = self.unlocked.as_mut() {
            unlocked.cases.remove(case);
        }
        self.db.change(|tx| {
            tx.execute("DELETE FROM wrap WHERE kind = 'case' AND subject = ?1", [case.as_str()])?;
            tx.execute("DELETE FROM case_officer WHERE case_id = ?1", [case.as_str()])?;
            tx.execute("UPDATE case_keys SET shredded = 1 WHERE id = ?1", [case.as_str()])?;
            tx.execute("INSERT OR IGNORE INTO rewrite_due (id) VALUES (1)", [])?;
            Ok(())
        })?;
        atomic::remove_durable(&self.case_folder(case), &[format!("{case}.keys.age")])?;
        self.db.rewrite(self.secret.as_ref(), self.entropy.as_ref())
    }
}
