//! Signers: exactly those of statement.json, each with the right certificate, person, policy and time.

use std::collections::{BTreeMap, BTreeSet};

use rustls_pki_types::CertificateDer;

use super::Judged;
use super::proofs::RECEIPT_CRL;
use super::report::{JudgedBy, SignerReport, SignerState, shown};
use crate::Hash32;
use crate::chain::{
    CertPath, CrlFault, CrlSet, Profile, Revocation, Role, certificates_from_pem, leaf_profile,
};
use crate::cms::verify_detached;
use crate::statement::{ROLE_DEVICE, STATEMENT_PATH, Signer, Suite};

/// Certificates and CRLs of the bundle.
struct Material {
    certificates: Vec<CertificateDer<'static>>,
    crls: Vec<(String, CrlSet)>,
}

/// One signer while it is judged.
struct OneSigner {
    report: SignerReport,
    stamp_ms: Option<i64>,
    profile: Option<Profile>,
}

impl Judged<'_> {
    /// Judges all signers; gives their reports and the earliest time stamp that holds.
    pub(super) fn judge_signers(
        &mut self,
        received_ms: Option<i64>,
    ) -> (Vec<SignerReport>, Option<i64>) {
        let material = self.material();
        let Some(statement) = self.statement.clone() else { return (Vec::new(), None) };
        let roles: BTreeSet<&str> = statement.signers.iter().map(|s| s.role.as_str()).collect();
        self.judge_late_names(&roles);
        if statement.suite == Suite::P256AndSm2 {
            self.findings.not_judged("SM2-NOT-JUDGED", None);
        }
        let mut judged = Vec::new();
        for signer in &statement.signers {
            if signer.role == ROLE_DEVICE && signer.id != statement.device.id.as_str() {
                self.findings.error("STATEMENT-DEVICE", Some(STATEMENT_PATH));
            }
            judged.push(self.judge_signer(signer, &material, received_ms));
        }
        self.judge_uniqueness(&judged);
        let stamps = judged.iter().filter_map(|j| j.stamp_ms);
        let stamped = stamps.min();
        (judged.into_iter().map(|j| j.report).collect(), stamped)
    }

    fn material(&mut self) -> Material {
        let mut certificates = Vec::new();
        for (path, bytes) in self.structure.inside("certificates/") {
            if !path.ends_with(".pem") {
                continue;
            }
            match certificates_from_pem(bytes) {
                Ok(found) => certificates.extend(found),
                Err(_) => self.findings.error("CERT-FILE", Some(path)),
            }
        }
        let mut crls = Vec::new();
        let strict = self.options.log_key.is_some();
        let late = self.structure.inside(RECEIPT_CRL);
        for (path, bytes) in self.structure.inside("metadata/crl/").chain(late) {
            match CrlSet::from_pem(bytes) {
                Ok(set) => crls.push((path.to_owned(), set)),
                Err(_) if path == RECEIPT_CRL => {
                    self.findings.error_if(strict, "CRL-UNREADABLE", Some(path));
                }
                Err(_) => self.findings.error("CRL-UNREADABLE", Some(path)),
            }
        }
        Material { certificates, crls }
    }

    /// Nothing but the files of the named signers.
    fn judge_late_names(&mut self, roles: &BTreeSet<&str>) {
        for (path, _) in self.structure.inside("signatures/") {
            let name = path.strip_prefix("signatures/").unwrap_or_default();
            let sm2 = name.strip_suffix(".sm2.sig");
            match name.strip_suffix(".p7s").or(sm2) {
                Some(role) if roles.contains(role) => {
                    if sm2.is_some() {
                        self.findings.not_judged("SM2-NOT-JUDGED", Some(path));
                    }
                }
                Some(_) if name.ends_with(".p7s") => {
                    self.findings.error("SIG-UNKNOWN-SIGNER", Some(path));
                }
                _ => self.findings.error("BAG-FOREIGN-LATE-FILE", Some(path)),
            }
        }
        for (path, _) in self.structure.inside("timestamps/") {
            let name = path.strip_prefix("timestamps/").unwrap_or_default();
            let role = name.strip_suffix(".tsr").filter(|r| roles.contains(r));
            let signed = role.map(|r| self.structure.tag(&format!("signatures/{r}.p7s")).is_some());
            if signed != Some(true) {
                self.findings.error("BAG-FOREIGN-LATE-FILE", Some(path));
            }
        }
    }

    fn judge_signer(
        &mut self,
        signer: &Signer,
        material: &Material,
        received_ms: Option<i64>,
    ) -> OneSigner {
        let before = self.findings.count_errors();
        let path = format!("signatures/{}.p7s", signer.role);
        let p7s = self.structure.tag(&path).map(<[u8]>::to_vec);
        let stamp_ms = p7s.as_deref().and_then(|p7s| self.judge_stamp(&signer.role, p7s));
        let (judged_ms, judged_by) = match (stamp_ms, received_ms) {
            (Some(stamp), _) => (stamp, JudgedBy::Timestamp),
            (None, Some(received)) => (received, JudgedBy::Log),
            (None, None) => (self.options.now_ms, JudgedBy::Now),
        };
        match judged_by {
            JudgedBy::Timestamp => {}
            JudgedBy::Log => self.findings.warn("SIG-JUDGED-BY-CENTRE", Some(&path)),
            JudgedBy::Now => self.findings.warn("SIG-JUDGED-NOW", Some(&path)),
        }
        let mut report = SignerReport {
            role: signer.role.clone(),
            name: signer.name.clone(),
            id: signer.id.clone(),
            certificate_sha256: signer.certificate_sha256,
            state: SignerState::Refused,
            judged_at: shown(judged_ms),
            judged_by,
            signing_time: None,
            revocation: None,
        };
        let own =
            material.certificates.iter().find(|c| Hash32::sha256(c) == signer.certificate_sha256);
        let mut profile = None;
        if let Some(own) = own {
            profile = self.judge_profile(signer, own, &path);
            let mut pool = material.certificates.clone();
            match p7s.as_deref().map(|p7s| verify_detached(p7s, &self.tagmanifest, own)) {
                None => self.findings.error("SIG-MISSING", Some(&path)),
                Some(Err(fault)) => self.findings.error(fault.code(), Some(&path)),
                Some(Ok(signature)) => {
                    report.signing_time = signature.signing_time_ms.map(shown);
                    pool.extend(signature.certificates);
                }
            }
            match self.options.roots.path(own, &pool, judged_ms) {
                Ok(chain) => {
                    let revocation = self.judge_revocation(&chain, material, judged_ms, &path);
                    report.revocation = revocation.map(|r| word(r).to_owned());
                }
                Err(fault) => self.findings.error(fault.code(), Some(&path)),
            }
        } else {
            let missing = if p7s.is_some() { "SIG-CERTIFICATE-MISSING" } else { "SIG-MISSING" };
            self.findings.error(missing, Some(&path));
        }
        if self.findings.count_errors() == before && profile.is_some() {
            report.state = SignerState::Proven;
        }
        OneSigner { report, stamp_ms, profile }
    }

    fn judge_stamp(&mut self, role: &str, p7s: &[u8]) -> Option<i64> {
        let path = format!("timestamps/{role}.tsr");
        let Some(response) = self.structure.tag(&path) else {
            self.findings.warn("TSA-NO-STAMP", Some(&path));
            return None;
        };
        let Some(roots) = self.options.tsa else {
            self.findings.warn("TSA-NO-ROOTS", None);
            self.findings.not_judged("TSA-NOT-JUDGED", Some(&path));
            return None;
        };
        match crate::tsa::verify(response, p7s, None, roots) {
            Ok(stamp) => Some(stamp.at_ms),
            Err(fault) => {
                self.findings.error(fault.code(), Some(&path));
                None
            }
        }
    }

    fn judge_profile(
        &mut self,
        signer: &Signer,
        own: &CertificateDer<'_>,
        path: &str,
    ) -> Option<Profile> {
        let role = Role::of(&signer.role)?;
        match leaf_profile(own, role) {
            Ok(profile) => {
                let must = matches!(role, Role::Device | Role::Inspector);
                let same = profile.serial_number.as_deref() == Some(signer.id.as_str());
                if !same && (must || profile.serial_number.is_some()) {
                    self.findings.error("SIG-OTHER-PERSON", Some(path));
                }
                Some(profile)
            }
            Err(fault) => {
                self.findings.error(fault.code(), Some(path));
                None
            }
        }
    }

    /// A list that cannot be used is judged again without it, so that one bad late list does not hide
    /// what the others say.
    fn judge_revocation(
        &mut self,
        chain: &CertPath,
        material: &Material,
        at_ms: i64,
        signature: &str,
    ) -> Option<Revocation> {
        let strict = self.options.log_key.is_some();
        let mut usable = Vec::new();
        for (path, set) in &material.crls {
            match self.options.roots.revocation(chain, &[set], at_ms) {
                Ok(_) => usable.push(set),
                Err(CrlFault::Signature | CrlFault::Unreadable) => {
                    let late = path == RECEIPT_CRL;
                    self.findings.error_if(!late || strict, "CRL-SIGNATURE", Some(path));
                }
            }
        }
        let found = self.options.roots.revocation(chain, &usable, at_ms).ok()?;
        match found {
            Revocation::Good => {}
            Revocation::Stale => self.findings.warn("CRL-STALE", Some(signature)),
            Revocation::Missing => self.findings.warn("CRL-MISSING", Some(signature)),
            Revocation::Later => self.findings.warn("CERT-REVOKED-LATER", Some(signature)),
            Revocation::Revoked => self.findings.error("CERT-REVOKED", Some(signature)),
        }
        Some(found)
    }

    /// One certificate, key or person in two roles.
    fn judge_uniqueness(&mut self, judged: &[OneSigner]) {
        let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
        let mut keys: BTreeMap<&[u8], &str> = BTreeMap::new();
        let mut hashes: BTreeMap<Hash32, &str> = BTreeMap::new();
        for OneSigner { report, profile, .. } in judged {
            let path = format!("signatures/{}.p7s", report.role);
            let person = ids.insert(&report.id, &report.role).is_some();
            let certificate = hashes.insert(report.certificate_sha256, &report.role).is_some();
            let key = profile
                .as_ref()
                .is_some_and(|p| keys.insert(&p.public_key, &report.role).is_some());
            if person {
                self.findings.error("SIG-SAME-PERSON", Some(&path));
            }
            if key || certificate {
                self.findings.error("SIG-SAME-KEY", Some(&path));
            }
        }
    }
}

fn word(revocation: Revocation) -> &'static str {
    match revocation {
        Revocation::Good => "good",
        Revocation::Stale => "stale",
        Revocation::Missing => "missing",
        Revocation::Later => "later",
        Revocation::Revoked => "revoked",
    }
}
