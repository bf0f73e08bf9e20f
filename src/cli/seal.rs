//! `seal CASE --signer ID=PINFILE --signer ID=PINFILE`.

use std::path::Path;

use clap::Args;
use secrecy::SecretString;
use spotcheck_app::Handheld;
use spotcheck_app::desk::Desk;
use spotcheck_domain::{OfficerId, TroubleResult};

use super::case::case_id;
use super::run::bad_id;
use super::{Output, pins};

/// Arguments.
#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// 案卷 / case
    case: String,
    /// 签名的检查人员，可附口令文件 / signing officer, with a PIN file or asked on the terminal
    #[arg(long = "signer", value_name = "ID[=PINFILE]", required = true)]
    signers: Vec<String>,
    /// 未完成时的原因(中止/撤离) / reason for sealing as incomplete
    #[arg(long)]
    incomplete: Option<String>,
}

/// `seal`.
pub(crate) fn run(handheld: &mut Handheld, args: &Seal) -> TroubleResult<Output> {
    let case = case_id(&args.case)?;
    let pins: Vec<(OfficerId, SecretString)> =
        args.signers.iter().map(|s| signer(s)).collect::<TroubleResult<_>>()?;
    let report = handheld.seal(&case, &pins, args.incomplete.as_deref())?;
    let mut lines = vec![
        format!("已封存：{}，{} 个文件，{} 字节", report.bundle, report.files, report.bytes),
        format!("签名清单 SHA-256:{}", report.tagmanifest_sha256),
    ];
    lines.extend(report.missing.iter().map(|m| format!("  缺  {m}")));
    Output::new("seal", &report, lines)
}

/// `ID=PINFILE`, or the PIN asked on the terminal.
pub(crate) fn signer(text: &str) -> TroubleResult<(OfficerId, SecretString)> {
    let (id, file) = match text.split_once('=') {
        Some((id, file)) => (id, Some(file)),
        None => (text, None),
    };
    let officer = OfficerId::parse(id).map_err(|cause| bad_id("检查人员").because(cause))?;
    let pin = match file {
        Some(file) => pins::from_file(Path::new(file))?,
        None => pins::ask(&format!("{officer} 的口令："))?,
    };
    Ok((officer, pin))
}
