//! A key ring in memory: only what the client asks for.

use rcgen::{CertificateParams, KeyPair};
use secrecy::SecretString;
use spotcheck_app::desk::OfficerCard;
use spotcheck_app::ports::{DeviceEnrolment, DeviceRequest, Key256, KeyRing, OfficerEnrolment};
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{CaseId, ClockReading, OfficerId, Trouble, TroubleResult};
use zeroize::Zeroizing;

#[derive(Default)]
pub(crate) struct MemoryKeyRing {
    tls: Option<KeyPair>,
    pending: Option<KeyPair>,
    officer: Option<KeyPair>,
    pub(crate) device: Option<DeviceEnrolment>,
    pub(crate) officers: Vec<OfficerEnrolment>,
    pub(crate) requests: u32,
    /// Intake keys that came before the present one.
    pub(crate) older: Vec<String>,
}

fn unused<T>() -> TroubleResult<T> {
    Err(Trouble::new("TEST-UNUSED", "", "", ""))
}

fn csr(key: &KeyPair) -> Vec<u8> {
    CertificateParams::default().serialize_request(key).unwrap().der().to_vec()
}

impl KeyRing for MemoryKeyRing {
    fn handle(&self) -> Box<dyn KeyRing> {
        panic!("the client works with the handle it is given")
    }
    fn protection(&self) -> KeyProtection {
        KeyProtection::File
    }
    fn enrolment(&self) -> TroubleResult<Option<DeviceEnrolment>> {
        Ok(self.device.clone())
    }
    fn officers(&self) -> TroubleResult<Vec<OfficerCard>> {
        unused()
    }
    fn unlocked(&self) -> Option<OfficerId> {
        None
    }
    fn request_device(&mut self) -> TroubleResult<DeviceRequest> {
        self.requests += 1;
        let (tls, signing) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let request = DeviceRequest { tls_csr: csr(&tls), evidence_csr: csr(&signing) };
        self.pending = Some(tls);
        Ok(request)
    }
    fn install_device(&mut self, enrolment: &DeviceEnrolment) -> TroubleResult<()> {
        self.tls = self.pending.take();
        self.device = Some(enrolment.clone());
        Ok(())
    }
    fn request_officer(&mut self, _: &OfficerId, _: &SecretString) -> TroubleResult<Vec<u8>> {
        self.requests += 1;
        let key = KeyPair::generate().unwrap();
        let request = csr(&key);
        self.officer = Some(key);
        Ok(request)
    }
    fn install_officer(&mut self, enrolment: &OfficerEnrolment) -> TroubleResult<()> {
        self.officers.push(enrolment.clone());
        Ok(())
    }
    fn learn_intake(&mut self, intake: &str, id: &str) -> TroubleResult<()> {
        let device = self.device.as_mut().unwrap();
        self.older.insert(0, std::mem::replace(&mut device.intake_id, id.to_owned()));
        device.intake = intake.to_owned();
        Ok(())
    }
    fn intake_keys(&self) -> TroubleResult<Vec<String>> {
        let present = self.device.as_ref().unwrap().intake_id.clone();
        Ok(std::iter::once(present).chain(self.older.clone()).collect())
    }
    fn package_recipient(&self) -> TroubleResult<Option<String>> {
        Ok(None)
    }
    fn unlock(&mut self, _: &OfficerId, _: &SecretString) -> TroubleResult<()> {
        unused()
    }
    fn token_pin(&mut self, _: &OfficerId, _: SecretString) {}
    fn lock(&mut self) {}
    fn change_pin(
        &mut self,
        _: &OfficerId,
        _: &SecretString,
        _: &SecretString,
    ) -> TroubleResult<()> {
        unused()
    }
    fn use_token(&mut self, _: &OfficerId, _: &SecretString, _: bool) -> TroubleResult<()> {
        unused()
    }
    fn boot_key(&self, _: &str) -> TroubleResult<Key256> {
        unused()
    }
    fn tls_identity(&self) -> TroubleResult<(String, Zeroizing<Vec<u8>>)> {
        let chain = self.device.as_ref().unwrap().tls_chain.clone();
        Ok((chain, Zeroizing::new(self.tls.as_ref().unwrap().serialize_der())))
    }
    fn create_case(&mut self, _: &CaseId, _: &[OfficerId]) -> TroubleResult<()> {
        unused()
    }
    fn case_key(&mut self, _: &CaseId) -> TroubleResult<Key256> {
        unused()
    }
    fn case_escrow(&self, _: &CaseId) -> TroubleResult<Vec<u8>> {
        unused()
    }
    fn seal_for_centre(&self, _: &[u8]) -> TroubleResult<Vec<u8>> {
        unused()
    }
    fn unwrap_package_key(&mut self, _: &[u8]) -> TroubleResult<Key256> {
        unused()
    }
    fn seal_for_case(&self, _: &CaseId, _: &[u8]) -> TroubleResult<Vec<u8>> {
        unused()
    }
    fn open_for_case(&mut self, _: &CaseId, _: &[u8]) -> TroubleResult<Zeroizing<Vec<u8>>> {
        unused()
    }
    fn share_case(&mut self, _: &CaseId, _: &str) -> TroubleResult<Vec<u8>> {
        unused()
    }
    fn adopt_case(&mut self, _: &CaseId, _: &[u8], _: &[u8], _: &[OfficerId]) -> TroubleResult<()> {
        unused()
    }
    fn shred_case(&mut self, _: &CaseId) -> TroubleResult<()> {
        unused()
    }
    fn seal_own(&self, _: &[u8]) -> TroubleResult<Vec<u8>> {
        unused()
    }
    fn open_own(&self, _: &[u8]) -> TroubleResult<Zeroizing<Vec<u8>>> {
        unused()
    }
    fn assign_case(&mut self, _: &CaseId, _: &[OfficerId]) -> TroubleResult<()> {
        unused()
    }
    fn officer_chain(&self, _: &OfficerId) -> TroubleResult<String> {
        unused()
    }
    fn sign_as_device(&self, _: &[u8], _: &ClockReading) -> TroubleResult<Vec<u8>> {
        unused()
    }
    fn sign_as_officer(
        &mut self,
        _: &OfficerId,
        _: &SecretString,
        _: &[u8],
        _: &ClockReading,
    ) -> TroubleResult<Vec<u8>> {
        unused()
    }
}
