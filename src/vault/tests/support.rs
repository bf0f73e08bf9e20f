//! A handheld with a vault, and the centre's half of enrolment: a CA, intake and escrow keys.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use secrecy::SecretString;
use spotcheck_app::ports::{DeviceEnrolment, KeyRing, OfficerEnrolment};
use spotcheck_domain::{CaseId, Clock, DeviceId, ManualClock, OfficerId, SeededEntropy};
use tempfile::TempDir;

use crate::{SystemEntropy, Vault, VaultOptions};

pub(crate) const PIN: &str = "zhang-7531-PIN";
pub(crate) const OTHER_PIN: &str = "li-86420-PIN-too";
pub(crate) const ZHANG: &str = "O-0001";
pub(crate) const LI: &str = "O-0002";
pub(crate) const POLICY: &str = r#"{"allow_file_protection":true,"pin_min_file":10,"pin_min_hardware":6,"schema":"spotcheck-policy/1"}"#;

pub(crate) fn officer(id: &str) -> OfficerId {
    OfficerId::parse(id).unwrap()
}

pub(crate) fn pin(text: &str) -> SecretString {
    SecretString::from(text)
}

/// A CA of the test agency.
pub(crate) struct Ca {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "test agency CA");
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// The certificate for a request, under the id the centre decides, and the CA's: a chain.
    pub(crate) fn chain(&self, csr: &[u8], id: &str) -> String {
        let mut request = CertificateSigningRequestParams::from_der(&csr.to_vec().into()).unwrap();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, "示例");
        subject.push(DnType::CustomDnType(vec![2, 5, 4, 5]), id);
        request.params.distinguished_name = subject;
        request.params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        request.params.not_after = rcgen::date_time_ymd(2040, 6, 30);
        request.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        format!("{}{}", request.signed_by(&self.issuer).unwrap().pem(), self.pem)
    }
}

/// One handheld.
pub(crate) struct Rig {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) vault: Vault,
    pub(crate) ca: Ca,
    pub(crate) intake: Identity,
    pub(crate) escrow: Identity,
}

impl Rig {
    /// An empty data folder.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at_ms(1_795_000_000_000));
        let vault = open(dir.path(), &clock, VaultOptions::TESTS_ONLY).unwrap();
        Self {
            dir,
            clock,
            vault,
            ca: Ca::new(),
            intake: Identity::generate(),
            escrow: Identity::generate(),
        }
    }

    /// Device enrolled, 张三 enrolled.
    pub(crate) fn enrolled() -> Self {
        let mut rig = Self::new();
        rig.enrol_device(POLICY);
        rig.enrol(ZHANG, "张三", PIN);
        rig
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The program ends; the next one may open the folder.
    pub(crate) fn let_go(&mut self) {
        self.vault.state().db.let_go();
    }

    /// As after a kill: a new process opens the same folder.
    pub(crate) fn restart(&mut self) {
        self.let_go();
        self.vault = open(self.dir.path(), &self.clock, VaultOptions::TESTS_ONLY).unwrap();
    }

    pub(crate) fn device_enrolment(
        &self,
        tls: &[u8],
        evidence: &[u8],
        policy: &str,
    ) -> DeviceEnrolment {
        DeviceEnrolment {
            device: DeviceId::parse("D-0001").unwrap(),
            centre: "https://127.0.0.1:8443".to_owned(),
            tls_chain: self.ca.chain(tls, "D-0001"),
            evidence_chain: self.ca.chain(evidence, "D-0001"),
            roots: self.ca.pem.clone(),
            tls_roots: self.ca.pem.clone(),
            tsa_roots: String::new(),
            intake: self.intake.to_public().to_string(),
            intake_id: "intake-2026-11".to_owned(),
            escrow: self.escrow.to_public().to_string(),
            log_key: "log".to_owned(),
            policy: policy.to_owned(),
        }
    }

    pub(crate) fn enrol_device(&mut self, policy: &str) {
        let request = self.vault.request_device().unwrap();
        let enrolment = self.device_enrolment(&request.tls_csr, &request.evidence_csr, policy);
        self.vault.install_device(&enrolment).unwrap();
    }

    pub(crate) fn enrol(&mut self, id: &str, name: &str, with: &str) {
        let csr = self.vault.request_officer(&officer(id), &pin(with)).unwrap();
        let enrolment = OfficerEnrolment {
            officer: officer(id),
            name: name.to_owned(),
            chain: self.ca.chain(&csr, id),
        };
        self.vault.install_officer(&enrolment).unwrap();
    }

    pub(crate) fn unlock(&mut self, id: &str, with: &str) {
        self.vault.unlock(&officer(id), &pin(with)).unwrap();
    }

    pub(crate) fn case(&self, number: u64) -> CaseId {
        CaseId::generate(self.clock.as_ref(), &SeededEntropy::new(number))
    }

    /// Unlocked by 张三, a case of 张三 and 李四.
    pub(crate) fn open_case(&mut self) -> CaseId {
        self.unlock(ZHANG, PIN);
        let case = self.case(1);
        self.vault.create_case(&case, &[officer(ZHANG), officer(LI)]).unwrap();
        case
    }
}

pub(crate) fn open(
    dir: &Path,
    clock: &Arc<ManualClock>,
    options: VaultOptions,
) -> Result<Vault, crate::VaultError> {
    let clock: Arc<dyn Clock> = clock.clone();
    Vault::open(&dir.join("data"), clock, Arc::new(SystemEntropy), options)
}

/// Runs a program of others; `None` (and a loud line) where it is not installed.
pub(crate) fn run(
    test: &str,
    program: &str,
    args: &[&str],
    input: &[u8],
) -> Option<(bool, Vec<u8>)> {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("SKIPPED {test}: {program} cannot be run: {error}");
            return None;
        }
    };
    let mut stdin = child.stdin.take().unwrap();
    // A program that refuses may close its input early.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        eprintln!("{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Some((output.status.success(), output.stdout))
}

/// Writes an identity where Debian's `age` can read it.
pub(crate) fn identity_file(dir: &Path, name: &str, identity: &Identity) -> String {
    let path = dir.join(name);
    fs::write(&path, identity.to_string().expose_secret()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Every file under a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
