//! One run: read the trust material, judge, say it.

use std::fs::File;
use std::path::Path;

use serde_json::json;
use spotcheck_domain::{Trouble, TroubleResult};
use spotcheck_evidence::chain::TrustRoots;
use spotcheck_evidence::tlog::LogKey;
use spotcheck_evidence::verify::{Options, Report, Verdict, verify_folder, verify_zip};

use crate::cli::Arguments;
use crate::sheet;

const ACCEPTED: u8 = 0;
const REJECTED: u8 = 1;
const COULD_NOT_RUN: u8 = 3;
/// Trust material is small; anything larger is the wrong file.
const MAX_TRUST_BYTES: u64 = 16 << 20;

/// What is printed, and the exit status.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: u8,
}

/// Runs with the arguments at `now_ms`.
pub(crate) fn run(arguments: &Arguments, now_ms: i64) -> Outcome {
    match judge(arguments, now_ms) {
        Ok(report) => {
            let out = if arguments.json { to_json(&report) } else { sheet::page(&report) };
            let accepted = report.verdict == Verdict::Accepted;
            let status = if accepted { ACCEPTED } else { REJECTED };
            Outcome { out, err: String::new(), status }
        }
        Err(trouble) if arguments.json => {
            let error = json!({"error": {
                "code": trouble.code, "message": trouble.message,
                "safe": trouble.safe, "advice": trouble.advice,
            }});
            Outcome { out: format!("{error}\n"), err: String::new(), status: COULD_NOT_RUN }
        }
        Err(trouble) => {
            Outcome { out: String::new(), err: format!("{trouble}\n"), status: COULD_NOT_RUN }
        }
    }
}

fn to_json(report: &Report) -> String {
    serde_json::to_string_pretty(report).map(|text| text + "\n").unwrap_or_default()
}

fn judge(arguments: &Arguments, now_ms: i64) -> TroubleResult<Report> {
    let roots = trust(&arguments.trust)?;
    let tsa = arguments.tsa.as_deref().map(trust).transpose()?;
    let log_key = arguments.log_key.as_deref().map(log_key).transpose()?;
    let options = Options {
        roots: &roots,
        tsa: tsa.as_ref(),
        log_key: log_key.as_ref(),
        partial: arguments.partial,
        now_ms,
    };
    let report = if arguments.bundle.is_dir() {
        verify_folder(&arguments.bundle, &options)
    } else {
        File::open(&arguments.bundle)
            .and_then(|file| verify_zip(std::io::BufReader::new(file), &options))
    };
    report.map_err(|error| {
        could_not("VERIFY-BUNDLE-UNREADABLE", "读不出证据包文件", "请检查文件路径、介质与权限")
            .because(error)
    })
}

fn could_not(code: &str, message: &str, advice: &str) -> Trouble {
    Trouble::new(code, message, "没有改动任何文件,也没有作出核验结论", advice)
}

fn read_small(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_TRUST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn trust(path: &Path) -> TroubleResult<TrustRoots> {
    let unreadable = || {
        could_not(
            "VERIFY-ROOTS-UNREADABLE",
            "读不出可信根证书",
            "请给出含 PEM 根证书的文件(--trust、--tsa)",
        )
    };
    let pem = read_small(path).map_err(|e| unreadable().because(e))?;
    TrustRoots::from_pem(&pem).map_err(|e| unreadable().because(e))
}

/// A file with the key, or the key itself.
fn log_key(argument: &str) -> TroubleResult<LogKey> {
    let unreadable = || {
        could_not(
            "VERIFY-LOG-KEY-UNREADABLE",
            "读不出存证日志公钥",
            "请给出公钥文件,或形如 NAME+ID+KEY 的公钥文本(--log-key)",
        )
    };
    let path = Path::new(argument);
    let text = if path.exists() {
        let bytes = read_small(path).map_err(|e| unreadable().because(e))?;
        String::from_utf8(bytes).map_err(|e| unreadable().because(e))?
    } else {
        argument.to_owned()
    };
    LogKey::parse(text.trim()).map_err(|e| unreadable().because(e))
}
