//! `doc new|show|fill|answer|freeze|render|sign|refuse|print|give|export`, `printers`.

use std::path::PathBuf;

use clap::Subcommand;
use spotcheck_app::Handheld;
use spotcheck_app::desk::{Desk, DocumentView, PaperActs, Stroke};
use spotcheck_domain::{Trouble, TroubleResult};

use super::Output;
use super::case::case_id;
use super::run::read_text;
use super::sync::write;

/// Acts on documents.
#[derive(Debug, Subcommand)]
pub(crate) enum Doc {
    /// 制作文书 / a new document: W03, W04 or W25
    New {
        /// 案卷 / case
        case: String,
        /// 文书种类 / form
        form: String,
        /// 被询问人 / interviewee (W04)
        #[arg(long)]
        party: Option<String>,
    },
    /// 查看文书 / show
    Show {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
    },
    /// 填写一栏；内容为 - 时读标准输入 / fill a field; `-` reads standard input
    Fill {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
        /// 栏目 / field
        key: String,
        /// 内容 / text
        value: String,
    },
    /// 记录问答(打上正在录音的时间) / question and answer, stamped into the running audio
    Answer {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
        /// 问 / question
        #[arg(long)]
        question: String,
        /// 答 / answer
        #[arg(long, default_value = "")]
        answer: String,
        /// 修改第几问 / change question n
        #[arg(long)]
        n: Option<u32>,
    },
    /// 定稿 / freeze
    Freeze {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
    },
    /// 把一页写成 PNG / one page as PNG
    Render {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
        /// 页 / page, from 1
        #[arg(long, default_value_t = 1)]
        page: u32,
        /// 宽(像素)/ width in pixels
        #[arg(long, default_value_t = 960)]
        width: u32,
        /// 写到 / file
        #[arg(long, value_name = "FILE.png")]
        out: PathBuf,
    },
    /// 手写签字：笔迹 JSON(- 为标准输入)/ handwritten signature: strokes as JSON
    Sign {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
        /// 签字人 / party or officer
        signer: String,
        /// 笔迹文件 / strokes: `[{"points":[[x,y,ms,pressure],…]},…]`, pad 800 × 300
        #[arg(long, value_name = "FILE")]
        strokes: PathBuf,
    },
    /// 登记拒绝签字及理由 / a party refuses to sign, and why
    Refuse {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
        /// 当事人 / party
        party: String,
        /// 理由 / reason
        #[arg(long)]
        reason: String,
    },
    /// 登记已把纸质副本交给当事人 / copies on paper were handed to a party
    Give {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
        /// 当事人 / party
        party: String,
        /// 份数 / copies
        #[arg(long, default_value_t = 1)]
        copies: u32,
    },
    /// 打印 / print
    Print {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
        /// 打印机 / printer, `ipp://…`
        #[arg(long)]
        printer: String,
        /// 份数 / copies
        #[arg(long, default_value_t = 1)]
        copies: u32,
    },
    /// 导出 PDF(记入日志)/ export the PDF, journaled
    Export {
        /// 案卷 / case
        case: String,
        /// 文书 / document
        document: String,
        /// 写到 / file
        #[arg(long, value_name = "FILE.pdf")]
        out: PathBuf,
    },
}

fn show(view: &DocumentView) -> TroubleResult<Output> {
    let mut lines = vec![format!("{}  {}  {} 页", view.card.id, view.card.title, view.pages)];
    lines.extend(view.fields.iter().map(|f| format!("  {}({}): {}", f.label, f.key, f.value)));
    lines.extend(
        view.answers.iter().map(|a| format!("  问{}: {}  答：{}", a.n, a.question, a.answer)),
    );
    lines.extend(view.refused.iter().map(|r| format!("  拒签  {}  {}", r.name, r.reason)));
    lines.extend(view.given.iter().map(|g| format!("  已交  {}  {} 份", g.party, g.copies)));
    lines.extend(view.missing.iter().map(|m| format!("  缺  {m}")));
    Output::new("doc", view, lines)
}

/// `doc`.
pub(crate) fn run(handheld: &mut Handheld, args: &Doc) -> TroubleResult<Output> {
    match args {
        Doc::New { case, form, party } => {
            show(&handheld.new_document(&case_id(case)?, form, party.as_deref())?)
        }
        Doc::Show { case, document } => show(&handheld.document(&case_id(case)?, document)?),
        Doc::Fill { case, document, key, value } => {
            let text = if value == "-" { read_text("-".as_ref())? } else { value.clone() };
            let case = case_id(case)?;
            handheld.fill(&case, document, key, &text)?;
            show(&handheld.document(&case, document)?)
        }
        Doc::Answer { case, document, question, answer, n } => {
            let view = handheld.answer(&case_id(case)?, document, *n, question, answer)?;
            let lines = vec![format!("第 {} 问已记录", view.n)];
            Output::new("doc-answer", &view, lines)
        }
        Doc::Freeze { case, document } => show(&handheld.freeze(&case_id(case)?, document)?),
        Doc::Render { case, document, page, width, out } => {
            let png = handheld.page_copy(&case_id(case)?, document, *page, *width)?;
            write(out, &png)?;
            Output::new(
                "doc-render",
                &serde_json::json!({ "file": out }),
                vec!["已写出".to_owned()],
            )
        }
        Doc::Sign { case, document, signer, strokes } => {
            let strokes: Vec<Stroke> =
                serde_json::from_str(&read_text(strokes)?).map_err(|cause| {
                    Trouble::new("CLI-STROKES", "笔迹文件读不懂", "没有签字", "检查笔迹文件的格式")
                        .because(cause.classify_text())
                })?;
            show(&handheld.sign_document(&case_id(case)?, document, signer, &strokes)?)
        }
        Doc::Refuse { case, document, party, reason } => {
            show(&handheld.refuse_document(&case_id(case)?, document, party, reason)?)
        }
        Doc::Give { case, document, party, copies } => {
            show(&handheld.give_copy(&case_id(case)?, document, party, *copies)?)
        }
        Doc::Print { case, document, printer, copies } => {
            let report = handheld.print(&case_id(case)?, document, printer, *copies)?;
            let lines = vec![format!("已打印 {} 份，每份 {} 页", report.copies, report.pages)];
            Output::new("doc-print", &report, lines)
        }
        Doc::Export { case, document, out } => {
            let pdf = handheld.document_pdf(&case_id(case)?, document)?;
            write(out, &pdf)?;
            Output::new(
                "doc-export",
                &serde_json::json!({ "file": out }),
                vec!["已写出".to_owned()],
            )
        }
    }
}

/// The class of a JSON error, without the text it stumbled over.
trait ClassifyText {
    fn classify_text(&self) -> &'static str;
}

impl ClassifyText for serde_json::Error {
    fn classify_text(&self) -> &'static str {
        match self.classify() {
            serde_json::error::Category::Io => "io",
            serde_json::error::Category::Syntax => "syntax",
            serde_json::error::Category::Data => "data",
            serde_json::error::Category::Eof => "eof",
        }
    }
}

/// `printers`.
pub(crate) fn printers(handheld: &mut Handheld) -> TroubleResult<Output> {
    let printers = handheld.printers()?;
    let lines = printers.iter().map(|p| format!("{}  {}  {}", p.uri, p.name, p.state)).collect();
    Output::new("printers", &printers, lines)
}
