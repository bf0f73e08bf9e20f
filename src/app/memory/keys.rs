//! Keys of the twins: two officers, their ids are their PINs.

use secrecy::{ExposeSecret, SecretString};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{CaseId, ClockReading, DeviceId, OfficerId, Trouble, TroubleResult};
use zeroize::Zeroizing;

use crate::desk::OfficerCard;
use crate::ports::{DeviceEnrolment, DeviceRequest, Key256, KeyRing, OfficerEnrolment};
use crate::troubles;

/// A self-made P-256 certificate, only to have a certificate's form and hash.
const CERTIFICATE: &str = include_str!("certificate.pem");

/// An enrolled handheld `D-0001` with officers `O-0001` and `O-0002`.
#[derive(Debug, Default, Clone)]
pub struct MemoryKeys {
    unlocked: Option<OfficerId>,
}

fn officers() -> TroubleResult<Vec<OfficerId>> {
    ["O-0001", "O-0002"].iter().map(|id| OfficerId::parse(id).map_err(troubles::stored)).collect()
}

fn checked(officer: &OfficerId, pin: &SecretString) -> TroubleResult<()> {
    if officers()?.contains(officer) && pin.expose_secret() == officer.as_str() {
        return Ok(());
    }
    Err(Trouble::new("VAULT-PIN-WRONG", "口令不对", "数据仍然加密", "重新输入").as_verdict())
}

impl KeyRing for MemoryKeys {
    fn handle(&self) -> Box<dyn KeyRing> {
        Box::new(self.clone())
    }

    fn protection(&self) -> KeyProtection {
        KeyProtection::File
    }

    fn enrolment(&self) -> TroubleResult<Option<DeviceEnrolment>> {
        Ok(Some(DeviceEnrolment {
            device: DeviceId::parse("D-0001").map_err(troubles::stored)?,
            centre: "https://127.0.0.1:1".to_owned(),
            tls_chain: String::new(),
            evidence_chain: CERTIFICATE.to_owned(),
            roots: CERTIFICATE.to_owned(),
            tls_roots: String::new(),
            tsa_roots: String::new(),
            intake: String::new(),
            intake_id: "intake-1".to_owned(),
            escrow: String::new(),
            log_key: String::new(),
            policy: "{\"pad_signatures\":true}".to_owned(),
        }))
    }

    fn officers(&self) -> TroubleResult<Vec<OfficerCard>> {
        let card = |id: OfficerId| OfficerCard {
            name: format!("检查员{id}"),
            id,
            certificate_until: "2030-12-31".to_owned(),
            token: false,
        };
        Ok(officers()?.into_iter().map(card).collect())
    }

    fn unlocked(&self) -> Option<OfficerId> {
        self.unlocked.clone()
    }

    fn request_device(&mut self) -> TroubleResult<DeviceRequest> {
        Err(troubles::unknown("登记"))
    }

    fn install_device(&mut self, _enrolment: &DeviceEnrolment) -> TroubleResult<()> {
        Err(troubles::unknown("登记"))
    }

    fn request_officer(
        &mut self,
        _officer: &OfficerId,
        _pin: &SecretString,
    ) -> TroubleResult<Vec<u8>> {
        Err(troubles::unknown("登记"))
    }

    fn install_officer(&mut self, _enrolment: &OfficerEnrolment) -> TroubleResult<()> {
        Err(troubles::unknown("登记"))
    }

    fn learn_intake(&mut self, _intake: &str, _id: &str) -> TroubleResult<()> {
        Err(troubles::unknown("登记"))
    }

    fn intake_keys(&self) -> TroubleResult<Vec<String>> {
        Ok(self.enrolment()?.into_iter().map(|enrolment| enrolment.intake_id).collect())
    }

    fn package_recipient(&self) -> TroubleResult<Option<String>> {
        Ok(None)
    }

    fn unlock(&mut self, officer: &OfficerId, pin: &SecretString) -> TroubleResult<()> {
        checked(officer, pin)?;
        self.unlocked = Some(officer.clone());
        Ok(())
    }

    fn token_pin(&mut self, _officer: &OfficerId, _pin: SecretString) {}

    fn lock(&mut self) {
        self.unlocked = None;
    }

    fn change_pin(
        &mut self,
        officer: &OfficerId,
        old: &SecretString,
        _new: &SecretString,
    ) -> TroubleResult<()> {
        checked(officer, old)
    }

    fn use_token(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
        _on: bool,
    ) -> TroubleResult<()> {
        checked(officer, pin)
    }

    fn boot_key(&self, _purpose: &str) -> TroubleResult<Key256> {
        Ok(Zeroizing::new([0; 32]))
    }

    fn tls_identity(&self) -> TroubleResult<(String, Zeroizing<Vec<u8>>)> {
        Err(troubles::unknown("证书"))
    }

    fn create_case(&mut self, _case: &CaseId, _officers: &[OfficerId]) -> TroubleResult<()> {
        Ok(())
    }

    fn case_key(&mut self, _case: &CaseId) -> TroubleResult<Key256> {
        if self.unlocked.is_some() { Ok(Zeroizing::new([1; 32])) } else { Err(troubles::locked()) }
    }

    fn case_escrow(&self, _case: &CaseId) -> TroubleResult<Vec<u8>> {
        Ok(b"case keys".to_vec())
    }

    fn seal_for_centre(&self, plaintext: &[u8]) -> TroubleResult<Vec<u8>> {
        Ok(plaintext.iter().rev().copied().collect())
    }

    fn unwrap_package_key(&mut self, _wrapped: &[u8]) -> TroubleResult<Key256> {
        Err(troubles::no_package())
    }

    fn seal_for_case(&self, _case: &CaseId, plaintext: &[u8]) -> TroubleResult<Vec<u8>> {
        Ok(plaintext.to_vec())
    }

    fn open_for_case(&mut self, case: &CaseId, sealed: &[u8]) -> TroubleResult<Zeroizing<Vec<u8>>> {
        self.case_key(case)?;
        Ok(Zeroizing::new(sealed.to_vec()))
    }

    fn share_case(&mut self, case: &CaseId, recipient: &str) -> TroubleResult<Vec<u8>> {
        self.case_key(case)?;
        Ok(recipient.as_bytes().to_vec())
    }

    fn adopt_case(
        &mut self,
        case: &CaseId,
        _shared: &[u8],
        _escrow: &[u8],
        _officers: &[OfficerId],
    ) -> TroubleResult<()> {
        self.case_key(case).map(drop)
    }

    fn shred_case(&mut self, _case: &CaseId) -> TroubleResult<()> {
        Ok(())
    }

    fn seal_own(&self, plaintext: &[u8]) -> TroubleResult<Vec<u8>> {
        Ok(plaintext.to_vec())
    }

    fn open_own(&self, sealed: &[u8]) -> TroubleResult<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(sealed.to_vec()))
    }

    fn assign_case(&mut self, _case: &CaseId, _officers: &[OfficerId]) -> TroubleResult<()> {
        Ok(())
    }

    fn officer_chain(&self, _officer: &OfficerId) -> TroubleResult<String> {
        Ok(CERTIFICATE.to_owned())
    }

    fn sign_as_device(&self, content: &[u8], _at: &ClockReading) -> TroubleResult<Vec<u8>> {
        Ok(content.to_vec())
    }

    fn sign_as_officer(
        &mut self,
        officer: &OfficerId,
        pin: &SecretString,
        content: &[u8],
        _at: &ClockReading,
    ) -> TroubleResult<Vec<u8>> {
        checked(officer, pin)?;
        Ok(content.to_vec())
    }
}
