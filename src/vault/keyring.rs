//! The key ring: enrolment, unlocking, signing. Answers the port `KeyRing` of the use cases.

use rusqlite::{OptionalExtension, params};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use spotcheck_app::desk::OfficerCard;
use spotcheck_app::ports::{DeviceEnrolment, DeviceRequest, Key256, KeyRing, OfficerEnrolment};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{CaseId, ClockReading, OfficerId, TroubleResult};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cases::{NewPackage, centre_recipients};
use crate::certs::{check_chain, public_key, request};
use crate::crypto::{key_from, open, random_key, seal};
use crate::error::VaultError;
use crate::officers::{self, OfficerKeys};
use crate::pin::{PinPolicy, PinPurpose, PinWrap, WrongPins};
use crate::sealing;
use crate::secret::{TokenFactor, TokenInHand};
use crate::sign::detached_cms;
use crate::vault::{Inner, Unlocked, Vault};

const PENDING_DEVICE: &str = "device";
const TLS_KEY: &str = "tls-key";
const EVIDENCE_KEY: &str = "evidence-key";
const IDENTITY: &str = "identity";

/// The device's two keys between request and certificate.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct PendingDevice {
    tls: Vec<u8>,
    evidence: Vec<u8>,
}

/// An officer's keys between request and certificate: sealed by the PIN already.
#[derive(Serialize, Deserialize)]
struct PendingOfficer {
    keys: OfficerKeys,
    /// Public point of the signing key, to check the certificate without the PIN.
    signing_public: Vec<u8>,
    /// The package identity that comes with this officer, where nobody else could open the one of before.
    #[serde(default)]
    package: Option<NewPackage>,
}

fn pending_officer(officer: &OfficerId) -> String {
    format!("officer/{officer}")
}

impl Inner {
    fn boot_key(&self, purpose: &str) -> Result<Key256, VaultError> {
        self.secret.derive(&format!("boot:{purpose}"), b"")
    }

    /// Key of what is sealed by the device secret alone (boot class).
    fn boot_class_key(&self) -> Result<Key256, VaultError> {
        self.secret.derive("boot-class", b"")
    }

    pub(crate) fn enrolment(&self) -> Result<Option<DeviceEnrolment>, VaultError> {
        let text: Option<String> = self
            .db
            .connection()?
            .query_row("SELECT enrolment FROM device", [], |row| row.get(0))
            .optional()?;
        text.map(|t| serde_json::from_str(&t).map_err(|_| VaultError::Sealed("enrolment")))
            .transpose()
    }

    fn set_pending(&mut self, name: &str, json: &[u8]) -> Result<(), VaultError> {
        let key = self.boot_class_key()?;
        let body = seal(&key, "pending", &[name], json, self.entropy.as_ref())?;
        self.db.change(|tx| {
            tx.execute(
                "INSERT INTO pending (name, body) VALUES (?1, ?2) \
                 ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                params![name, body],
            )?;
            Ok(())
        })
    }

    fn pending(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let body: Vec<u8> = self
            .db
            .connection()?
            .query_row("SELECT body FROM pending WHERE name = ?1", [name], |row| row.get(0))
            .optional()?
            .ok_or_else(|| VaultError::NothingPending(name.to_owned()))?;
        open(&self.boot_class_key()?, "pending", &[name], &body)
            .ok_or(VaultError::Sealed("pending request"))
    }

    fn request_device(&mut self) -> Result<DeviceRequest, VaultError> {
        let tls = request("spotcheck tls", None)?;
        let evidence = request("spotcheck evidence", None)?;
        let pending = PendingDevice { tls: tls.pkcs8.to_vec(), evidence: evidence.pkcs8.to_vec() };
        // Sized beforehand: growing would leave copies of the keys behind.
        let mut json = Zeroizing::new(Vec::with_capacity(4096));
        serde_json::to_writer(&mut *json, &pending)
            .map_err(|_| VaultError::Sealed("pending request"))?;
        self.set_pending(PENDING_DEVICE, &json)?;
        Ok(DeviceRequest { tls_csr: tls.csr, evidence_csr: evidence.csr })
    }

    fn install_device(&mut self, enrolment: &DeviceEnrolment) -> Result<(), VaultError> {
        let json = self.pending(PENDING_DEVICE)?;
        let keys: PendingDevice =
            serde_json::from_slice(&json).map_err(|_| VaultError::Sealed("pending request"))?;
        let id = enrolment.device.as_str();
        check_chain(&enrolment.tls_chain, &public_key(&keys.tls)?, id)?;
        check_chain(&enrolment.evidence_chain, &public_key(&keys.evidence)?, id)?;
        sealing::recipient(&enrolment.intake, "intake")?;
        sealing::recipient(&enrolment.escrow, "escrow")?;
        PinPolicy::parse(&enrolment.policy)?;
        let key = self.boot_class_key()?;
        let tls = seal(&key, TLS_KEY, &[], &keys.tls, self.entropy.as_ref())?;
        let evidence = seal(&key, EVIDENCE_KEY, &[], &keys.evidence, self.entropy.as_ref())?;
        let text = serde_json::to_string(enrolment).map_err(|_| VaultError::Sealed("enrolment"))?;
        self.db.change(|tx| {
            tx.execute(
                "INSERT INTO device (id, enrolment, tls_key, evidence_key) VALUES (1, ?1, ?2, ?3) \
                 ON CONFLICT (id) DO UPDATE SET enrolment = excluded.enrolment, \
                 tls_key = excluded.tls_key, evidence_key = excluded.evidence_key",
                params![text, tls, evidence],
            )?;
            tx.execute("DELETE FROM pending WHERE name = ?1", [PENDING_DEVICE])?;
            Ok(())
        })
    }

    /// Another intake key of the same centre; everything else of the enrolment stays.
    fn learn_intake(&mut self, intake: &str, id: &str) -> Result<(), VaultError> {
        sealing::recipient(intake, "intake")?;
        let mut enrolment = self.enrolled()?;
        enrolment.intake = intake.to_owned();
        enrolment.intake_id = id.to_owned();
        let text =
            serde_json::to_string(&enrolment).map_err(|_| VaultError::Sealed("enrolment"))?;
        self.db.change(|tx| {
            tx.execute("UPDATE device SET enrolment = ?1", [text])?;
            Ok(())
        })
    }

    fn device_key(&self, column: &str, purpose: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let sealed: Vec<u8> = self
            .db
            .connection()?
            .query_row(&format!("SELECT {column} FROM device"), [], |row| row.get(0))
            .optional()?
            .ok_or(VaultError::NotEnrolled)?;
        open(&self.boot_class_key()?, purpose, &[], &sealed).ok_or(VaultError::Sealed("device key"))
    }

    fn request_officer(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
    ) -> Result<Vec<u8>, VaultError> {
        let policy = PinPolicy::parse(&self.enrolled()?.policy)?;
        policy.check(self.secret.protection(), pin)?;
        // Renewal under the same PIN keeps the vault key, and with it every wrap made for this officer.
        let kept = match self.check_pin(officer, pin, PinPurpose::Vault) {
            Ok(_) => {
                let keys = officers::load(self.db.connection()?, officer)?.keys;
                Some((keys.vault, keys.recipient, keys.identity_wrap))
            }
            Err(VaultError::NoOfficer(_) | VaultError::PinWrong(_)) => None,
            Err(other) => return Err(other),
        };
        let (vault, recipient, identity_wrap) = match kept {
            Some(kept) => kept,
            None => self.new_vault_key(officer, pin)?,
        };
        let key = request(officer.as_str(), Some(officer.as_str()))?;
        let signing = self.pin_wrap(PinPurpose::Signing, officer, pin, &key.pkcs8)?;
        let keys = OfficerKeys { vault, recipient, identity_wrap, signing };
        let package = self.new_package_for(officer, &keys.recipient)?;
        let pending = PendingOfficer { keys, signing_public: key.public, package };
        let json =
            serde_json::to_vec(&pending).map_err(|_| VaultError::Sealed("pending request"))?;
        self.set_pending(&pending_officer(officer), &json)?;
        Ok(key.csr)
    }

    fn new_vault_key(
        &self,
        officer: &OfficerId,
        pin: &SecretString,
    ) -> Result<(PinWrap, String, Vec<u8>), VaultError> {
        let vault_key = random_key(self.entropy.as_ref());
        let (secret, recipient) = sealing::new_identity();
        let wrap = seal(
            &vault_key,
            IDENTITY,
            &[officer.as_str()],
            sealing::secret_bytes(&secret),
            self.entropy.as_ref(),
        )?;
        let vault = self.pin_wrap(PinPurpose::Vault, officer, pin, vault_key.as_slice())?;
        Ok((vault, recipient, wrap))
    }

    fn pin_wrap(
        &self,
        purpose: PinPurpose,
        officer: &OfficerId,
        pin: &SecretString,
        plaintext: &[u8],
    ) -> Result<PinWrap, VaultError> {
        self.pin_wrap_with(purpose, officer, pin, plaintext, TokenFactor::None)
    }

    /// The token with the PIN this officer typed for it.
    fn token_of(&self, officer: &OfficerId) -> Option<TokenInHand<'_>> {
        let token = self.token.as_deref()?;
        Some(TokenInHand { token, pin: self.token_pins.get(officer)? })
    }

    /// A wrap at today's cost; with the token as one more factor if asked.
    fn pin_wrap_with(
        &self,
        purpose: PinPurpose,
        officer: &OfficerId,
        pin: &SecretString,
        plaintext: &[u8],
        token: TokenFactor<'_>,
    ) -> Result<PinWrap, VaultError> {
        let token = match (token, self.token_of(officer)) {
            (TokenFactor::None, _) => None,
            (TokenFactor::Token(like), Some(token)) => Some((token, like)),
            (TokenFactor::Token(_), None) => return Err(VaultError::no_token()),
        };
        PinWrap::seal(
            self.secret.as_ref(),
            self.entropy.as_ref(),
            token,
            purpose,
            officer,
            (pin, self.options.argon2),
            plaintext,
        )
    }

    /// Wraps both keys of an officer anew, in one step: under another PIN, with or without a token (`None`:
    /// as before). The old PIN is asked for like at any unlock, and counted.
    pub(crate) fn rewrap(
        &mut self,
        officer: &OfficerId,
        old: &SecretString,
        new: &SecretString,
        token: Option<bool>,
    ) -> Result<(), VaultError> {
        let policy = PinPolicy::parse(&self.enrolled()?.policy)?;
        policy.check(self.secret.protection(), new)?;
        let vault_key = self.check_pin(officer, old, PinPurpose::Vault)?;
        let signing_key = self.check_pin(officer, old, PinPurpose::Signing)?;
        let before = officers::load(self.db.connection()?, officer)?.keys.vault;
        // Whoever has a token keeps that one, whichever others are in the readers.
        let factor = match token.unwrap_or_else(|| before.needs_token()) {
            true => TokenFactor::Token(before.token_object()),
            false => TokenFactor::None,
        };
        let vault = self.pin_wrap_with(PinPurpose::Vault, officer, new, &vault_key, factor)?;
        let factor = TokenFactor::like(vault.token_object());
        let signing =
            self.pin_wrap_with(PinPurpose::Signing, officer, new, &signing_key, factor)?;
        self.db.change(|tx| {
            officers::set_vault_wrap(tx, officer, &vault)?;
            officers::set_signing_wrap(tx, officer, &signing)
        })
    }

    fn pending_keys(&self, officer: &OfficerId) -> Result<PendingOfficer, VaultError> {
        serde_json::from_slice(&self.pending(&pending_officer(officer))?)
            .map_err(|_| VaultError::Sealed("pending request"))
    }

    fn install_officer(&mut self, enrolment: &OfficerEnrolment) -> Result<(), VaultError> {
        let officer = &enrolment.officer;
        let name = pending_officer(officer);
        let PendingOfficer { keys, signing_public, package } = self.pending_keys(officer)?;
        let until = check_chain(&enrolment.chain, &signing_public, officer.as_str())?;
        self.db.change(|tx| {
            officers::store(tx, officer, &enrolment.name, &enrolment.chain, &until, &keys)?;
            Self::ensure_package_identity(tx, officer, &keys.recipient, package)?;
            tx.execute("DELETE FROM pending WHERE name = ?1", [&name])?;
            Ok(())
        })?;
        if self.unlocked.is_some()
            && let Err(error) = self.complete_wraps()
        {
            tracing::warn!(%error, "Keys for the new officer are wrapped at the next unlock.");
        }
        Ok(())
    }

    /// Opens a PIN wrap. The try is counted, durably, before it is judged: ending the program in between
    /// gives no free tries.
    fn check_pin(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
        purpose: PinPurpose,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let row = officers::load(self.db.connection()?, officer)?;
        let now = self.clock.read();
        let wait = row.wrong.wait_ms(&now);
        if wait > 0 {
            return Err(VaultError::PinDelay(wait));
        }
        let counted = row.wrong.one_more(&now);
        self.db.change(|tx| officers::set_wrong(tx, officer, &counted))?;
        let wrap = match purpose {
            PinPurpose::Vault => &row.keys.vault,
            PinPurpose::Signing => &row.keys.signing,
        };
        let opened = wrap.open(self.secret.as_ref(), self.token_of(officer), purpose, officer, pin);
        if matches!(opened, Err(VaultError::Token(_) | VaultError::TokenPin)) {
            // The officer's PIN was not looked at; the token counts its own.
            self.db.change(|tx| officers::set_wrong(tx, officer, &row.wrong))?;
        }
        let opened = opened?.ok_or_else(|| VaultError::PinWrong(officer.clone()))?;
        let raised = if self.options.argon2.exceeds(&wrap.cost()) {
            let factor = TokenFactor::like(wrap.token_object());
            Some(self.pin_wrap_with(purpose, officer, pin, &opened, factor)?)
        } else {
            None
        };
        self.db.change(|tx| {
            match (&raised, purpose) {
                (Some(wrap), PinPurpose::Vault) => officers::set_vault_wrap(tx, officer, wrap)?,
                (Some(wrap), PinPurpose::Signing) => officers::set_signing_wrap(tx, officer, wrap)?,
                (None, _) => {}
            }
            officers::set_wrong(tx, officer, &WrongPins::default())
        })?;
        Ok(opened)
    }

    fn unlock(&mut self, officer: &OfficerId, pin: &SecretString) -> Result<(), VaultError> {
        let vault_key = self.check_pin(officer, pin, PinPurpose::Vault)?;
        let damaged = || VaultError::Sealed("officer identity");
        let vault_key = key_from(&vault_key).ok_or_else(damaged)?;
        let row = officers::load(self.db.connection()?, officer)?;
        let secret = open(&vault_key, IDENTITY, &[officer.as_str()], &row.keys.identity_wrap)
            .ok_or_else(damaged)?;
        let identity = std::str::from_utf8(&secret)
            .ok()
            .and_then(sealing::identity)
            .filter(|identity| sealing::public_text(identity) == row.keys.recipient)
            .ok_or_else(damaged)?;
        self.unlocked = Some(Unlocked {
            officer: officer.clone(),
            identity,
            package: None,
            cases: std::collections::BTreeMap::new(),
        });
        if let Err(error) = self.complete_wraps() {
            tracing::warn!(%error, "Wraps for other officers could not be completed.");
        }
        Ok(())
    }

    fn sign_as_officer(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
        content: &[u8],
        at: &ClockReading,
    ) -> Result<Vec<u8>, VaultError> {
        let pkcs8 = self.check_pin(officer, pin, PinPurpose::Signing)?;
        let row = officers::load(self.db.connection()?, officer)?;
        detached_cms(&pkcs8, &row.chain, content, at)
    }
}

impl KeyRing for Vault {
    fn handle(&self) -> Box<dyn KeyRing> {
        Box::new(self.clone())
    }

    fn protection(&self) -> KeyProtection {
        self.state().secret.protection()
    }

    fn enrolment(&self) -> TroubleResult<Option<DeviceEnrolment>> {
        Ok(self.state().enrolment()?)
    }

    fn officers(&self) -> TroubleResult<Vec<OfficerCard>> {
        Ok(officers::cards(self.state().db.connection()?)?)
    }

    fn unlocked(&self) -> Option<OfficerId> {
        self.state().unlocked.as_ref().map(|u| u.officer.clone())
    }

    fn request_device(&mut self) -> TroubleResult<DeviceRequest> {
        Ok(self.state().request_device()?)
    }

    fn install_device(&mut self, enrolment: &DeviceEnrolment) -> TroubleResult<()> {
        Ok(self.state().install_device(enrolment)?)
    }

    fn request_officer(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
    ) -> TroubleResult<Vec<u8>> {
        Ok(self.state().request_officer(officer, pin)?)
    }

    fn install_officer(&mut self, enrolment: &OfficerEnrolment) -> TroubleResult<()> {
        Ok(self.state().install_officer(enrolment)?)
    }

    fn learn_intake(&mut self, intake: &str, id: &str) -> TroubleResult<()> {
        Ok(self.state().learn_intake(intake, id)?)
    }

    fn intake_keys(&self) -> TroubleResult<Vec<String>> {
        Ok(self.state().intake_keys()?)
    }

    fn package_recipient(&self) -> TroubleResult<Option<String>> {
        Ok(self.state().package_recipient()?)
    }

    fn package_recipient_with(&self, officer: &OfficerId) -> TroubleResult<Option<String>> {
        let state = self.state();
        match state.pending_keys(officer) {
            Ok(PendingOfficer { package: Some(new), .. }) => Ok(Some(new.recipient)),
            Ok(_) | Err(VaultError::NothingPending(_)) => Ok(state.package_recipient()?),
            Err(error) => Err(error.into()),
        }
    }

    fn unlock(&mut self, officer: &OfficerId, pin: &SecretString) -> TroubleResult<()> {
        Ok(self.state().unlock(officer, pin)?)
    }

    fn token_pin(&mut self, officer: &OfficerId, pin: SecretString) {
        self.state().token_pins.insert(officer.clone(), pin);
    }

    fn lock(&mut self) {
        let mut state = self.state();
        state.unlocked = None;
        state.token_pins.clear();
    }

    fn change_pin(
        &mut self,
        officer: &OfficerId,
        old: &SecretString,
        new: &SecretString,
    ) -> TroubleResult<()> {
        Ok(self.state().rewrap(officer, old, new, None)?)
    }

    fn use_token(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
        on: bool,
    ) -> TroubleResult<()> {
        Ok(self.state().rewrap(officer, pin, pin, Some(on))?)
    }

    fn boot_key(&self, purpose: &str) -> TroubleResult<Key256> {
        Ok(self.state().boot_key(purpose)?)
    }

    fn tls_identity(&self) -> TroubleResult<(String, Zeroizing<Vec<u8>>)> {
        let state = self.state();
        let key = state.device_key("tls_key", TLS_KEY)?;
        Ok((state.enrolled()?.tls_chain, key))
    }

    fn create_case(&mut self, case: &CaseId, officers: &[OfficerId]) -> TroubleResult<()> {
        Ok(self.state().create_case(case, officers)?)
    }

    fn case_key(&mut self, case: &CaseId) -> TroubleResult<Key256> {
        Ok(self.state().case_keys(case)?.db_key.clone())
    }

    fn case_escrow(&self, case: &CaseId) -> TroubleResult<Vec<u8>> {
        Ok(self.state().case_escrow(case)?)
    }

    fn seal_for_centre(&self, plaintext: &[u8]) -> TroubleResult<Vec<u8>> {
        let enrolment = self.state().enrolled()?;
        Ok(sealing::seal(&centre_recipients(&enrolment)?, plaintext)?)
    }

    fn seal_for_case(&self, case: &CaseId, plaintext: &[u8]) -> TroubleResult<Vec<u8>> {
        let recipients = self.state().recipients(case)?.parse()?;
        Ok(sealing::seal(&recipients, plaintext)?)
    }

    fn open_for_case(&mut self, case: &CaseId, sealed: &[u8]) -> TroubleResult<Zeroizing<Vec<u8>>> {
        let mut state = self.state();
        let opened = sealing::open(&state.case_keys(case)?.identity, sealed);
        Ok(opened.ok_or(VaultError::Sealed("second copy"))?)
    }

    fn share_case(&mut self, case: &CaseId, recipient: &str) -> TroubleResult<Vec<u8>> {
        Ok(self.state().share_case(case, recipient)?)
    }

    fn adopt_case(
        &mut self,
        case: &CaseId,
        shared: &[u8],
        escrow: &[u8],
        officers: &[OfficerId],
    ) -> TroubleResult<()> {
        Ok(self.state().adopt_case(case, shared, escrow, officers)?)
    }

    fn unwrap_package_key(&mut self, wrapped: &[u8]) -> TroubleResult<Key256> {
        Ok(self.state().unwrap_package_key(wrapped)?)
    }

    fn shred_case(&mut self, case: &CaseId) -> TroubleResult<()> {
        Ok(self.state().shred_case(case)?)
    }

    fn seal_own(&self, plaintext: &[u8]) -> TroubleResult<Vec<u8>> {
        let state = self.state();
        let own = sealing::public_text(&state.opened()?.identity);
        Ok(sealing::seal(&[sealing::recipient(&own, "officer")?], plaintext)?)
    }

    fn open_own(&self, sealed: &[u8]) -> TroubleResult<Zeroizing<Vec<u8>>> {
        let state = self.state();
        let opened = sealing::open(&state.opened()?.identity, sealed);
        Ok(opened.ok_or(VaultError::Sealed("officer's own value"))?)
    }

    fn assign_case(&mut self, case: &CaseId, officers: &[OfficerId]) -> TroubleResult<()> {
        Ok(self.state().assign_case(case, officers)?)
    }

    fn officer_chain(&self, officer: &OfficerId) -> TroubleResult<String> {
        Ok(officers::load(self.state().db.connection()?, officer)?.chain)
    }

    fn sign_as_device(&self, content: &[u8], at: &ClockReading) -> TroubleResult<Vec<u8>> {
        let state = self.state();
        let key = state.device_key("evidence_key", EVIDENCE_KEY)?;
        let chain = state.enrolled()?.evidence_chain;
        Ok(detached_cms(&key, &chain, content, at)?)
    }

    fn sign_as_officer(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
        content: &[u8],
        at: &ClockReading,
    ) -> TroubleResult<Vec<u8>> {
        Ok(self.state().sign_as_officer(officer, pin, content, at)?)
    }
}
