//! Building a task's data package: claims by `claims`, key wrapped per handheld, manifest signed.
//!
//! The files become objects named by their hash, so a `reference.db` that did not change is stored and
//! fetched once. package.json is the last thing made: what is signed exists.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use age::x25519::Recipient as AgeRecipient;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use spotcheck_claims::package::{CLAIMS_DB, PACKAGE_JSON, REFERENCE_DB};
use spotcheck_claims::{
    FindingRow, PackageRequest, Period, Recipient, ReferenceData, RulePackRef, build_package,
    peer_stats,
};
use spotcheck_domain::task::Task;
use spotcheck_domain::time::day_number;
use spotcheck_domain::{DeviceId, PackageId, Trouble};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::cms::{RingP256, sign_detached};
use spotcheck_rules::Finding;
use spotcheck_wire::tasks::{PACKAGE_FILES, PackageFile};

use crate::audits::{self, Auditor};
use crate::centre::Centre;
use crate::claims::{CentrePartitions, master_key};
use crate::repository::{PackageRow, Shown};
use crate::{Error, Result, rulepacks};

const PACKAGE_SIGNATURE: &str = "package.json.p7s";

/// An age file as ASCII armour (C2SP age, strict PEM: 64 columns).
fn armoured(bytes: &[u8]) -> String {
    let mut text = String::from("-----BEGIN AGE ENCRYPTED FILE-----\n");
    for line in STANDARD.encode(bytes).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END AGE ENCRYPTED FILE-----\n");
    text
}

fn recipients(centre: &Centre, task: &Task) -> Result<Vec<(DeviceId, AgeRecipient)>> {
    task.devices
        .iter()
        .map(|id| {
            let device = centre.repo().device(id.as_str())?;
            let device = device.filter(|d| d.revoked_ms.is_none()).ok_or_else(|| {
                Error::refused(
                    "PACKAGE-DEVICE",
                    format!("手持机 {id} 尚未登记，或已停用。"),
                    "请先用登记票登记该手持机，再生成数据包。",
                )
            })?;
            let age = device.package_recipient.ok_or_else(|| {
                Error::refused(
                    "PACKAGE-NO-RECIPIENT",
                    format!("手持机 {id} 上还没有检查人员登记，无法为它加密数据包。"),
                    "请先让至少一名检查人员用登记票在该手持机上登记，再生成数据包。",
                )
            })?;
            let age = age.parse().map_err(|_| Error::Stored("package recipient"))?;
            Ok((id.clone(), age))
        })
        .collect()
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let what = "write a package file";
    let mut file = std::fs::File::create_new(path).map_err(Error::io(what))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io(what))
}

/// What the rules found at the task's facility about facts of its period, and the pack they are of; run now
/// if rules or data have changed since.
fn found(centre: &Centre, task: &Task) -> Result<(Vec<FindingRow>, Vec<RulePackRef>)> {
    let code = task.facility.fixmedins_code.as_str();
    let auditor = Auditor::new(centre, rulepacks::in_force(centre)?, Some(code))?;
    let audited = auditor.run(code, false, &mut ())?;
    let span = day_number(&task.period_from).zip(day_number(&task.period_to));
    let inside = |f: &Finding| match (span, f.date.as_deref().and_then(day_number)) {
        (Some((from, to)), Some(day)) => from <= day && day <= to,
        _ => true,
    };
    let findings = audits::findings(centre, &audited.row)?;
    let rows = findings.into_iter().filter(inside).map(row).collect();
    Ok((rows, rulepacks::references(centre)?))
}

fn row(finding: Finding) -> FindingRow {
    FindingRow {
        body: finding.body(),
        rule: finding.rule,
        pack: finding.pack,
        grade: finding.grade.as_str().to_owned(),
        fixmedins_code: Some(finding.fixmedins_code),
        psn_no: finding.psn_no,
        mdtrt_id: finding.mdtrt_id,
        setl_id: finding.setl_id,
        bkkp_sn: finding.bkkp_sn,
        code: finding.code,
        amount: finding.amount,
        fund_amount: finding.fund_amount,
        loss_method: Some(finding.loss_method.as_str().to_owned()),
        principal: finding.principal,
        reason: finding.reason,
    }
}

/// How many findings of each rule a package shows.
fn shown(findings: &[FindingRow]) -> Vec<Shown> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for f in findings {
        let n = counts.entry((&f.rule, &f.pack)).or_default();
        *n = n.saturating_add(1);
    }
    let row = |((rule, pack), shown): ((&str, &str), u64)| Shown {
        rule: rule.to_owned(),
        pack: pack.to_owned(),
        shown,
    };
    counts.into_iter().map(row).collect()
}

/// Builds the package of a task for all its handhelds; it opens with the centre's findings in it.
///
/// # Errors
/// No such task, a handheld without package identity, or claims that cannot be read.
pub fn build(centre: &Centre, task_id: &str) -> Result<PackageRow> {
    let task =
        centre.repo().task(task_id)?.ok_or(Error::NotFound { what: "task", zh: "任务" })?;
    let to = recipients(centre, &task)?;
    let id = PackageId::generate(centre.clock().as_ref(), centre.entropy().as_ref());
    let what = "make the package folder";
    let work = tempfile::Builder::new()
        .prefix("package-")
        .tempdir_in(centre.folder().work())
        .map_err(Error::io(what))?;
    let folder = work.path();
    let period = Period::parse(&task.period_from, &task.period_to);
    let (findings, rule_packs) = found(centre, &task)?;
    let peers = peer_stats(&CentrePartitions::new(centre), &master_key(centre)?);
    let peers = peers.map_err(Trouble::from)?;
    let request = PackageRequest {
        task: &task.id,
        package: &id,
        fixmedins_code: &task.facility.fixmedins_code,
        period,
        valid_from: &task.valid_from,
        valid_until: &task.valid_until,
        rule_packs: &rule_packs,
        pack_files: &rulepacks::files(centre)?,
        findings: &findings,
        peer_stats: &peers,
        reference: &ReferenceData::default(),
    };
    crate::reference::place(centre, folder, request.rule_packs)?;
    let built = build_package(
        &request,
        folder,
        &CentrePartitions::new(centre),
        &master_key(centre)?,
        centre.clock().as_ref(),
        centre.entropy().as_ref(),
    )
    .map_err(Trouble::from)?;
    let mut manifest = built.manifest;
    for (device, age) in &to {
        let wrapped =
            age::encrypt(age, built.key.as_slice()).map_err(|e| Error::Age(e.to_string()))?;
        manifest
            .add_recipient(Recipient { device: device.clone(), wrapped_key: armoured(&wrapped) });
    }
    let bytes = manifest.to_bytes().map_err(Trouble::from)?;
    let (pkcs8, certificate) = centre.signer()?;
    let signed = |e: spotcheck_evidence::EvidenceError| Error::Certificate(e.to_string());
    let key = RingP256::from_pkcs8(&pkcs8).map_err(signed)?;
    let chain = [CertificateDer::from(certificate.der)];
    let p7s = sign_detached(&Hash32::sha256(&bytes), &key, &chain, Some(centre.now_ms()))
        .map_err(signed)?;
    write_file(&folder.join(PACKAGE_JSON), &bytes)?;
    write_file(&folder.join(PACKAGE_SIGNATURE), &p7s)?;
    debug_assert!([CLAIMS_DB, REFERENCE_DB].iter().all(|f| PACKAGE_FILES.contains(f)));
    let files = PACKAGE_FILES
        .iter()
        .map(|name| {
            let (sha256, size) = centre.objects().adopt(&folder.join(name))?;
            Ok(PackageFile { name: (*name).to_owned(), size, sha256 })
        })
        .collect::<Result<Vec<_>>>()?;
    let row = PackageRow {
        id: id.to_string(),
        task: task.id.to_string(),
        created_ms: centre.now_ms(),
        files,
        raw_key: built.key.to_vec(),
        devices: to.iter().map(|(device, _)| device.to_string()).collect(),
    };
    centre.repo().add_package(&row)?;
    centre.repo().put_shown(&row.id, &shown(&findings))?;
    centre.log().append_time(centre.clock().as_ref())?;
    centre.record_act("package-built", &row.id)?;
    Ok(row)
}
