//! Rule packs above the national one: signed, tried on history, then in force (rules.md).
//!
//! A pack that cannot be read, whose signature is not by the centre or one of its officers, or of which a rule
//! would point at more than it may, is refused with file, line and reason; what was in force stays.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use spotcheck_claims::{PackFiles, RulePackRef};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::chain::{Role, TrustRoots, leaf_profile};
use spotcheck_evidence::cms::{self, RingP256, sign_detached, verify_detached};
use spotcheck_evidence::draft::RuleDraft;
use spotcheck_rules::pack::PACK_SIGNATURE;
use spotcheck_rules::{
    Error as RulesError, Options, Pack, PackError, changed_rules, national, pack_digest,
};

use crate::audits::{Auditor, told};
use crate::centre::Centre;
use crate::objects::sha256_hex;
use crate::repository::{CertificateKind, RulePackRow};
use crate::{Error, Result};

/// Largest draft file that is read, bytes.
const MOST_DRAFT: u64 = 64 * 1024 * 1024;

/// A pack as it lies in a folder.
#[derive(Debug, Clone, Default)]
pub struct PackFolder {
    files: BTreeMap<String, Vec<u8>>,
    signature: Option<Vec<u8>>,
}

impl PackFolder {
    /// Reads the files of a folder, not of those below; or one file that holds a whole draft, as a handheld makes
    /// it of composed rules.
    ///
    /// # Errors
    /// The folder cannot be read, or the file is no such draft.
    pub fn read(folder: &Path) -> Result<Self> {
        let what = "read the pack";
        if folder.is_file() {
            return Self::of_draft(folder);
        }
        let mut own = Self::default();
        for item in std::fs::read_dir(folder).map_err(Error::io(what))? {
            let path = item.map_err(Error::io(what))?.path();
            let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
            if !path.is_file() {
                continue;
            }
            let bytes = std::fs::read(&path).map_err(Error::io(what))?;
            if name == PACK_SIGNATURE {
                own.signature = Some(bytes);
            } else {
                own.files.insert(name.to_owned(), bytes);
            }
        }
        Ok(own)
    }

    /// What is wrong with the file itself is told by its name and line.
    fn of_draft(path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("draft");
        let length = std::fs::metadata(path).map_err(Error::io("read the draft"))?.len();
        if length > MOST_DRAFT {
            return Err(refused(name, "file", "文件过大，不是规则包草案"));
        }
        let bytes = std::fs::read(path).map_err(Error::io("read the draft"))?;
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
            return Err(refused_at(name, error.line(), "JSON", &error.to_string()));
        }
        let draft = RuleDraft::parse(&bytes)
            .map_err(|error| refused_at(name, 1, "draft", &error.to_string()))?;
        Ok(Self::from_draft(draft))
    }

    /// The pack that a draft holds.
    #[must_use]
    pub fn from_draft(draft: RuleDraft) -> Self {
        let signature = draft.signature_der();
        let files = draft.files.into_iter().map(|(name, text)| (name, text.into_bytes()));
        Self { files: files.collect(), signature }
    }

    fn list(&self) -> Vec<(&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect()
    }

    /// SHA-256 over the listing of the files, hex: what is signed.
    #[must_use]
    pub fn digest(&self) -> String {
        pack_digest(&self.list())
    }

    /// The pack laid over another.
    ///
    /// # Errors
    /// What is wrong with it, by file, line and reason.
    pub fn over(&self, base: &Pack) -> Result<Pack> {
        Pack::read(&self.list(), Some(base)).map_err(told)
    }

    fn hash(&self) -> Result<Hash32> {
        Hash32::parse(&self.digest()).ok_or(Error::Stored("digest of a pack"))
    }
}

/// A refusal of a file as a whole.
fn refused(file: &str, field: &str, reason: &str) -> Error {
    refused_at(file, 0, field, reason)
}

/// A refusal with the place in the pack, as every refusal of a pack.
fn refused_at(file: &str, line: usize, field: &str, reason: &str) -> Error {
    told(RulesError::Pack(PackError {
        file: file.to_owned(),
        line,
        field: field.to_owned(),
        reason: reason.to_owned(),
    }))
}

/// The packs in force, laid over each other, with the pack of this name replaced at its own place, a new one on top
/// of all, or left out.
fn composed(centre: &Centre, name: &str, instead: Option<&PackFolder>) -> Result<Pack> {
    let mut pack = national().map_err(told)?;
    let mut waiting = instead;
    for row in centre.repo().rule_packs()? {
        if row.name != name {
            pack = stored(&row)?.over(&pack)?;
        } else if let Some(own) = waiting.take() {
            pack = own.over(&pack)?;
        }
    }
    match waiting {
        Some(own) => own.over(&pack),
        None => Ok(pack),
    }
}

/// What would be in force with this pack.
///
/// # Errors
/// What is wrong with it, or with a pack that lies above it, by file, line and reason.
pub fn with(centre: &Centre, pack: &PackFolder) -> Result<Pack> {
    composed(centre, &head(pack)?.0, Some(pack))
}

/// Takes a pack out of force.
///
/// # Errors
/// There is none of this name, or one above it needs it: nothing has changed then.
pub fn remove(centre: &Centre, name: &str) -> Result<()> {
    if !centre.repo().rule_packs()?.iter().any(|row| row.name == name) {
        return Err(Error::NotFound { what: "rule pack", zh: "规则包" });
    }
    composed(centre, name, None)?;
    centre.repo().remove_rule_pack(name)?;
    Ok(())
}

fn stored(row: &RulePackRow) -> Result<PackFolder> {
    let damaged = || Error::Stored("rule pack");
    let coded: BTreeMap<String, String> =
        serde_json::from_slice(&row.files).map_err(|_| damaged())?;
    let decode =
        |(name, text): (String, String)| Ok((name, STANDARD.decode(text).map_err(|_| damaged())?));
    let files = coded.into_iter().map(decode).collect::<Result<_>>()?;
    let own = PackFolder { files, signature: Some(row.signature.clone()) };
    if own.digest() == row.sha256 { Ok(own) } else { Err(damaged()) }
}

/// The rules in force at the centre.
///
/// # Errors
/// Those of the database, or a stored pack does not read back.
pub fn in_force(centre: &Centre) -> Result<Pack> {
    // No pack has no name.
    composed(centre, "", None)
}

/// Names, versions and digests of everything in force, the national pack first.
///
/// # Errors
/// Those of the database.
pub fn references(centre: &Centre) -> Result<Vec<RulePackRef>> {
    let base = national().map_err(told)?;
    let first = RulePackRef { name: base.name, version: base.version, sha256: base.digest };
    let rows = centre.repo().rule_packs()?.into_iter();
    let others = rows.map(|r| RulePackRef { name: r.name, version: r.version, sha256: r.sha256 });
    Ok(std::iter::once(first).chain(others).collect())
}

/// Files of the packs in force above the national one, in the order in which they are laid over it: for
/// whoever runs the same rules elsewhere.
///
/// # Errors
/// Those of the database.
pub fn files(centre: &Centre) -> Result<Vec<PackFiles>> {
    let rows = centre.repo().rule_packs()?;
    rows.iter().map(|row| Ok((row.name.clone(), stored(row)?.files))).collect()
}

/// Signs a pack by the centre: `pack.p7s` in its folder.
///
/// # Errors
/// The pack would be refused, or the folder cannot be written.
pub fn sign(centre: &Centre, folder: &Path) -> Result<String> {
    let pack = PackFolder::read(folder)?;
    let (name, _) = head(&pack)?;
    composed(centre, &name, Some(&pack))?;
    let signed = |e: spotcheck_evidence::EvidenceError| Error::Certificate(e.to_string());
    let (pkcs8, certificate) = centre.signer()?;
    let key = RingP256::from_pkcs8(&pkcs8).map_err(signed)?;
    let chain = [CertificateDer::from(certificate.der)];
    let p7s = sign_detached(&pack.hash()?, &key, &chain, Some(centre.now_ms())).map_err(signed)?;
    write_signature(folder, &p7s)?;
    Ok(pack.digest())
}

/// Beside the files of a folder; in a draft file the centre's signature takes the place of the handheld's.
fn write_signature(folder: &Path, p7s: &[u8]) -> Result<()> {
    let io = Error::io("write the signature");
    if !folder.is_file() {
        return std::fs::write(folder.join(PACK_SIGNATURE), p7s).map_err(io);
    }
    let bytes = std::fs::read(folder).map_err(Error::io("read the draft"))?;
    let draft = RuleDraft::parse(&bytes).map_err(|e| Error::Certificate(e.to_string()))?;
    let signed = draft.signed(p7s).to_bytes().map_err(|e| Error::Certificate(e.to_string()))?;
    std::fs::write(folder, signed).map_err(io)
}

/// Name of a pack by itself.
///
/// # Errors
/// It has none.
pub(crate) fn name_of(pack: &PackFolder) -> Result<String> {
    head(pack).map(|(name, _)| name)
}

/// Name and version of a pack by itself.
fn head(pack: &PackFolder) -> Result<(String, String)> {
    #[derive(serde::Deserialize)]
    struct Head {
        name: String,
        version: String,
    }
    let file = spotcheck_rules::pack::PACK_TOML;
    let bytes = pack.files.get(file).ok_or_else(|| refused(file, "file", "缺少这个文件"))?;
    let text = std::str::from_utf8(bytes).map_err(|_| refused(file, "file", "不是 UTF-8 文本"))?;
    let head: Head = toml::from_str(text).map_err(|e| {
        let before = e.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |b| b.matches('\n').count().saturating_add(1));
        refused_at(file, line, "TOML", e.message().trim())
    })?;
    Ok((head.name, head.version))
}

/// Who signed: the centre, or an officer by id; anybody else's signature is refused. A handheld's says who made a
/// draft and puts nothing in force.
fn signer(centre: &Centre, pack: &PackFolder, in_force: bool) -> Result<String> {
    let no = |reason: &str| refused(PACK_SIGNATURE, "signature", reason);
    let p7s = pack.signature.as_ref().ok_or_else(|| no("缺少签名"))?;
    let hash = pack.hash()?;
    let mut fault = no("签名中没有证书");
    for certificate in cms::certificates(p7s) {
        let Ok(signature) = verify_detached(p7s, &hash, &certificate) else {
            fault = no("签名与规则包的内容不符");
            continue;
        };
        let roots = TrustRoots::from_pem(centre.ca().evidence.pem().as_bytes())
            .map_err(|e| Error::Certificate(e.to_string()))?;
        if roots.path(&certificate, &signature.certificates, centre.now_ms()).is_err() {
            return Err(no("签名证书不是本中心签发的，或已过期"));
        }
        let role = |role: Role| leaf_profile(&certificate, role).ok();
        let (kind, subject, name) = if let Some(profile) = role(Role::Inspector) {
            let id = profile.serial_number.unwrap_or_default();
            (CertificateKind::Officer, id.clone(), id)
        } else if role(Role::Centre).is_some() {
            (CertificateKind::Centre, crate::centre::CENTRE_ID.to_owned(), "centre".to_owned())
        } else if let Some(profile) = role(Role::Device) {
            if in_force {
                return Err(no("草案由手持机签名；由中心或检查人员签名后才能生效"));
            }
            let id = profile.serial_number.unwrap_or_default();
            (CertificateKind::Device, id.clone(), id)
        } else {
            return Err(no("签名证书不属于中心或检查人员"));
        };
        let sha256 = sha256_hex(&certificate);
        return match centre.repo().certificate_revoked(&sha256, kind, &subject)? {
            Some(false) => Ok(name),
            _ => Err(no("签名证书已停用")),
        };
    }
    Err(fault)
}

/// A pack that may come into force.
#[derive(Debug)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The pack laid over what is in force.
    pub pack: Pack,
    /// Rules that it changes.
    pub changed: Vec<String>,
    /// Who signed it; `None` where it was not asked for.
    pub signer: Option<String>,
    /// Facilities on whose history it was tried.
    pub tried: usize,
    /// Facilities whose history could not be read.
    pub unread: Vec<String>,
}

/// Checks a pack: readable above what is in force, signed, and no rule of it points at more than it may over
/// the history of any facility.
///
/// # Errors
/// What is wrong, by file, line and reason.
pub fn check(centre: &Centre, pack: &PackFolder, must_be_signed: bool) -> Result<Checked> {
    let (name, version) = head(pack)?;
    let over = composed(centre, &name, Some(pack))?;
    // A pack above may need what this one brings; then it is held against what is in force.
    let base = composed(centre, &name, None).or_else(|_| in_force(centre))?;
    let signer = if must_be_signed || pack.signature.is_some() {
        Some(signer(centre, pack, must_be_signed)?)
    } else {
        None
    };
    let changed = changed_rules(&base, &over);
    let auditor = Auditor::new(centre, base, None)?;
    let facilities = crate::claims::facilities(centre)?;
    // A rule that the pack switches off says nothing any more.
    let speaks = |id: &&String| over.rules.iter().any(|r| r.id == **id && r.enabled);
    let tried: Vec<String> = changed.iter().filter(speaks).cloned().collect();
    let mut unread = Vec::new();
    if !tried.is_empty() {
        for f in &facilities {
            let options = Options { rules: Some(&tried), ..Options::default() };
            let code = &f.facility.fixmedins_code;
            let outcome = match auditor.look(code, &over, options, &mut ()) {
                Ok(outcome) => outcome,
                // As in an audit: one house that cannot be read keeps nobody from the others.
                Err(error) => {
                    tracing::error!(code, %error, "A facility was not read for the trial of a pack.");
                    unread.push(code.clone());
                    continue;
                }
            };
            if let Some(wrong) = outcome.refused.into_iter().next() {
                return Err(told(RulesError::Pack(wrong)));
            }
        }
    }
    let tried = facilities.len().saturating_sub(unread.len());
    Ok(Checked { name, version, pack: over, changed, signer, tried, unread })
}

/// Checks a signed pack and puts it in force.
///
/// # Errors
/// As [`check`]; nothing has changed then.
pub fn add(centre: &Centre, pack: &PackFolder) -> Result<Checked> {
    let checked = check(centre, pack, true)?;
    let coded: BTreeMap<&str, String> =
        pack.files.iter().map(|(name, bytes)| (name.as_str(), STANDARD.encode(bytes))).collect();
    let row = RulePackRow {
        name: checked.name.clone(),
        version: checked.version.clone(),
        sha256: pack.digest(),
        signer: checked.signer.clone().unwrap_or_default(),
        added_ms: centre.now_ms(),
        files: serde_json::to_vec(&coded).map_err(|_| Error::Stored("rule pack"))?,
        signature: pack.signature.clone().unwrap_or_default(),
    };
    centre.repo().put_rule_pack(&row)?;
    centre.record_act("rulepack-added", &row.sha256)?;
    Ok(checked)
}
