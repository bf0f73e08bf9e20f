//! The sheet for a clerk: one page of plain Chinese text.
//!
//! In this order: what is proven, who, when, what is not proven, warnings, and the verdict last, so that
//! nobody reads "accepted" and stops before the warnings.

use std::fmt::Write as _;

use spotcheck_domain::time::parse_rfc3339;
use spotcheck_domain::{BeijingTime, Precision};
use spotcheck_evidence::verify::{
    FileState, Finding, JudgedBy, Report, SignerReport, SignerState, Verdict,
};

/// Findings of one kind that are listed; the rest is in `--json`.
const MAX_LISTED: usize = 20;

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let mut page = String::new();
    let bundle = report.bundle.as_deref().unwrap_or("(无法识别)");
    let _ = writeln!(page, "证据包核验结果");
    let _ = writeln!(page, "证据包编号:{}", clean(bundle));
    proven(&mut page, report);
    signers(&mut page, report);
    times(&mut page, report);
    not_proven(&mut page, report);
    list(&mut page, "五、提醒", &report.warnings);
    verdict(&mut page, report);
    page
}

fn heading(page: &mut String, text: &str) {
    let _ = writeln!(page, "\n{text}");
}

fn proven(page: &mut String, report: &Report) {
    heading(page, "一、证明了什么");
    let (present, listed) = (report.files_present, report.files_listed);
    if report.verdict == Verdict::Rejected {
        let _ = writeln!(page, "  核验未通过,以下内容均不得视为已证明。原因见“六、结论”。");
        let intact = report.files.values().filter(|f| f.state == FileState::Intact).count();
        let _ = writeln!(page, "  清单共列 {listed} 份文件,其中 {intact} 份的哈希与清单相符。");
        return;
    }
    if report.partial {
        let _ = writeln!(page, "  当事人副本:清单共列 {listed} 份文件,本副本含 {present} 份。");
        let _ = writeln!(page, "  所含文件与封存时完全一致。({present} of {listed} files present)");
    } else {
        let _ = writeln!(page, "  全部 {listed} 份文件与封存时完全一致,无增减。");
    }
    let _ = writeln!(page, "  下列签名人在封存时对全部文件的清单签了名。");
}

fn signers(page: &mut String, report: &Report) {
    heading(page, "二、谁签的");
    if report.signers.is_empty() {
        let _ = writeln!(page, "  (无法确定)");
    }
    for signer in &report.signers {
        let state = match signer.state {
            SignerState::Proven => "签名成立",
            SignerState::Refused => "签名不成立",
        };
        let _ = writeln!(
            page,
            "  {}:{}(编号 {}),{state}{}",
            role(&signer.role),
            clean(&signer.name),
            clean(&signer.id),
            protection(report, &signer.role)
        );
        let _ = writeln!(
            page,
            "    判断时点 {},{}{}",
            time(&signer.judged_at),
            by(signer.judged_by),
            revocation(signer)
        );
    }
}

/// How the handheld says that its keys are protected, on the line of the device.
fn protection(report: &Report, role: &str) -> String {
    match report.key_protection {
        Some(kind) if role == "device" => format!(",密钥保护方式(设备自述):{}", kind.zh()),
        _ => String::new(),
    }
}

fn role(role: &str) -> String {
    match role.split_once('-') {
        Some(("inspector", n)) => format!("检查人员{}", clean(n)),
        Some(("party", n)) => format!("当事人{}", clean(n)),
        _ if role == "device" => "取证设备".to_owned(),
        _ if role == "centre" => "中心".to_owned(),
        _ => clean(role),
    }
}

fn by(by: JudgedBy) -> &'static str {
    match by {
        JudgedBy::Timestamp => "由时间戳证明",
        JudgedBy::Log => "仅由中心回执证明",
        JudgedBy::Now => "即当前时间(无时间戳或回执可采信)",
    }
}

fn revocation(signer: &SignerReport) -> &'static str {
    match signer.revocation.as_deref() {
        Some("good") => ",证书未被吊销",
        Some("later") => ",证书在此之后被吊销",
        Some("revoked") => ",证书已被吊销",
        Some("stale") => ",吊销列表已过更新期",
        Some("missing") => ",无吊销列表",
        _ => "",
    }
}

fn times(page: &mut String, report: &Report) {
    heading(page, "三、什么时间");
    let shown = |t: &Option<String>| t.as_deref().map_or_else(|| "未证明".to_owned(), time);
    let _ = writeln!(page, "  封存不早于:{}", shown(&report.time.not_before));
    let upper = report.time.not_after_by.map_or("", |b| match b {
        JudgedBy::Timestamp => "(时间戳)",
        JudgedBy::Log | JudgedBy::Now => "(仅中心回执)",
    });
    let _ = writeln!(page, "  封存不晚于:{}{upper}", shown(&report.time.not_after));
    let claimed = report.time.sealed.as_deref().map_or_else(|| "(无)".to_owned(), time);
    let _ = writeln!(page, "  设备自称封存于:{claimed}(仅供参考)");
    if let Some(received) = &report.time.received {
        let _ = writeln!(page, "  中心接收于:{}(已存证)", time(received));
    }
}

fn not_proven(page: &mut String, report: &Report) {
    heading(page, "四、没有证明什么");
    let _ = writeln!(page, "  本核验不判断文件内容是否真实、合法,也不判断检查结论是否成立。");
    let _ = writeln!(page, "  包内各项时间是设备时钟所记,可证明的只有第三项的起止。");
    lines(page, &report.not_judged);
}

fn list(page: &mut String, title: &str, findings: &[Finding]) {
    heading(page, title);
    if findings.is_empty() {
        let _ = writeln!(page, "  无");
    }
    lines(page, findings);
}

fn lines(page: &mut String, findings: &[Finding]) {
    for finding in findings.iter().take(MAX_LISTED) {
        let path = finding.path.as_deref().map(|p| format!(":{}", clean(p))).unwrap_or_default();
        let _ = writeln!(page, "  · {}{path}〔{}〕", finding.what, finding.code);
    }
    if let Some(more) = findings.len().checked_sub(MAX_LISTED).filter(|n| *n > 0) {
        let _ = writeln!(page, "  · 另有 {more} 项,见 --json 报告");
    }
}

fn verdict(page: &mut String, report: &Report) {
    heading(page, "六、结论");
    match report.verdict {
        Verdict::Accepted if report.partial => {
            let (present, listed) = (report.files_present, report.files_listed);
            let _ = writeln!(page, "  通过(当事人副本,{listed} 份文件中的 {present} 份)");
        }
        Verdict::Accepted => {
            let _ = writeln!(page, "  通过");
        }
        Verdict::Rejected => {
            let _ = writeln!(page, "  不通过,共 {} 项:", report.errors.len());
            lines(page, &report.errors);
        }
    }
}

/// Beijing time to the second.
fn time(rfc3339: &str) -> String {
    parse_rfc3339(rfc3339).map_or_else(
        || clean(rfc3339),
        |ms| BeijingTime::from_unix_ms(ms).display(Precision::Second),
    )
}

/// Names come out of the bundle: no control or direction characters reach a terminal.
fn clean(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).take(200).collect()
}
