//! `lookup`, `policy import`, `policy list`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use spotcheck_app::Handheld;
use spotcheck_app::desk::Desk;
use spotcheck_app::reference::{AddedSource, LineReference, LookUp};
use spotcheck_domain::claims::Page;
use spotcheck_domain::reference::{EntryKind, LevelLimit, ReferenceEntry, ReferenceHit};
use spotcheck_domain::{Trouble, TroubleResult};

use super::Output;
use super::sync::task_id;

/// Arguments of `lookup`.
#[derive(Debug, Args)]
pub(crate) struct Lookup {
    /// 要查的词：名称、首字母、编码、文号、条号 / words to look for
    #[arg(required_unless_present_any = ["show", "line"])]
    query: Option<String>,
    /// 任务；不写时用最新的数据包 / task [default: the newest package]
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// 只列这一天有效的 / in force on this day
    #[arg(long, value_name = "yyyy-MM-dd")]
    on: Option<String>,
    /// 类别，逗号分隔 / kinds: article, item, drug, consumable, diagnosis, operation, case, point
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = kind)]
    kind: Vec<EntryKind>,
    /// 每类最多几条 / answers per kind at most
    #[arg(long, default_value_t = 10)]
    limit: u32,
    /// 每类跳过几条 / answers per kind to skip
    #[arg(long, default_value_t = 0)]
    offset: u64,
    /// 显示一条的全文 / one entry in full
    #[arg(long, value_name = "ENTRY", conflicts_with_all = ["query", "line"])]
    show: Option<String>,
    /// 一条费用明细当日有效的价格、限制和条文 / everything in force for a fee line
    #[arg(long, value_name = "BKKP_SN", requires = "visit", requires = "task")]
    line: Option<String>,
    /// 这条明细的就诊编号 / visit of the line
    #[arg(long, value_name = "MDTRT_ID")]
    visit: Option<String>,
    /// 规则引用的条款 / clauses that rules cite, e.g. T38(3)
    #[arg(long, value_name = "T38(3),…", value_delimiter = ',')]
    clause: Vec<String>,
}

/// Acts on what officers add.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// 添加政策文件或表格到本机 / add a policy text or table to this handheld
    Import(PolicyImport),
    /// 列出本机的参考资料 / list documents that are here
    List {
        /// 任务；不写时用最新的数据包 / task [default: the newest package]
        #[arg(long, value_name = "ID")]
        task: Option<String>,
    },
}

/// Arguments of `policy import`.
#[derive(Debug, Args)]
pub(crate) struct PolicyImport {
    /// txt、md、csv、xlsx、xls、dbf / the file
    file: PathBuf,
    /// 类别 / kind, where the file does not say
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<EntryKind>,
    /// 生效日期 / first day in force, where the file does not say
    #[arg(long, value_name = "yyyy-MM-dd")]
    valid_from: Option<String>,
    /// 失效日期 / last day in force
    #[arg(long, value_name = "yyyy-MM-dd")]
    valid_until: Option<String>,
}

fn kind(text: &str) -> Result<EntryKind, String> {
    let all: Vec<&str> = EntryKind::ALL.iter().map(|k| k.as_str()).collect();
    EntryKind::parse(text).ok_or_else(|| format!("类别应为 {}", all.join("、")))
}

impl Lookup {
    /// Reference data are public; a task's own facility is not.
    pub(crate) const fn needs_unlock(&self) -> bool {
        self.task.is_some()
    }
}

impl Policy {
    /// Who adds something is written down.
    pub(crate) const fn needs_unlock(&self) -> bool {
        match self {
            Self::Import(_) => true,
            Self::List { task } => task.is_some(),
        }
    }
}

fn span(hit: &ReferenceHit) -> String {
    let begin = hit.begin.as_deref().unwrap_or("生效日期未载");
    format!("{begin} 至 {}", hit.end.as_deref().unwrap_or("今"))
}

fn limits(limits: &[LevelLimit]) -> String {
    let one = |l: &LevelLimit| format!("{} {} 元", l.zh(), l.amount.to_cents());
    limits.iter().map(one).collect::<Vec<_>>().join(",")
}

fn hit_lines(hit: &ReferenceHit) -> Vec<String> {
    let head = [hit.code.as_deref(), Some(hit.title.as_str()), hit.article.as_deref()];
    let head: Vec<&str> = head.into_iter().flatten().collect();
    let added = if hit.added { "  (本机添加)" } else { "" };
    let mut lines = vec![format!("  {}  {}  {}{added}", hit.id, head.join("  "), span(hit))];
    if !hit.limits.is_empty() {
        lines.push(format!("      限价 {}", limits(&hit.limits)));
    }
    if !hit.snippet.is_empty() {
        lines.push(format!("      {}", hit.snippet));
    }
    lines
}

fn entry_lines(entry: &ReferenceEntry) -> Vec<String> {
    let mut lines = hit_lines(&ReferenceHit { snippet: String::new(), ..entry.head.clone() });
    lines.extend(entry.chapter.iter().map(|c| format!("      {c}")));
    lines.extend(entry.text.lines().map(|l| format!("    {l}")));
    lines.extend(entry.excluded.iter().map(|t| format!("      除外内容：{t}")));
    lines.extend(entry.head.restriction.iter().map(|t| format!("      限制：{t}")));
    if let Some(d) = &entry.document {
        let number = d.number.as_deref().unwrap_or_default();
        lines.push(format!("      来源：{} {number} {}", d.title, d.source));
    }
    for (word, beside) in [("上一条", &entry.previous), ("下一条", &entry.next)] {
        lines.extend(beside.iter().map(|n| format!("      {word} {}  {}", n.id, n.heading)));
    }
    lines
}

fn line_lines(found: &LineReference) -> Vec<String> {
    let name = found.line.hilist_name.as_deref().unwrap_or("-");
    let on = found.on.as_deref().unwrap_or("日期未上传");
    let price = found.line.pric.map(|p| p.to_cents()).unwrap_or_default();
    let mut lines = vec![format!("{name}  {on}  单价 {price} 元")];
    for l in &found.limits {
        let limit = l.limit.as_ref().map_or_else(
            || "没有本机构等级的限价，或等级未上传".to_owned(),
            |limit| format!("{} {} 元", limit.zh(), limit.amount.to_cents()),
        );
        let over = l.over.map(|o| format!(",高出 {} 元", o.to_cents())).unwrap_or_default();
        lines.push(format!("  限价 {limit}{over}"));
    }
    lines.extend(found.restrictions.iter().map(|r| format!("  限制 {r}")));
    let lists = [
        ("条款", &found.clauses),
        ("条文", &found.articles),
        ("知识点", &found.points),
        ("案例", &found.cases),
        ("历次版本", &found.versions),
    ];
    for (word, hits) in lists.into_iter().filter(|(_, hits)| !hits.is_empty()) {
        lines.push(word.to_owned());
        lines.extend(hits.iter().flat_map(hit_lines));
    }
    lines
}

/// `lookup`.
pub(crate) fn lookup(handheld: &mut Handheld, args: &Lookup) -> TroubleResult<Output> {
    let task = args.task.as_deref().map(task_id).transpose()?;
    if let (Some(line), Some(visit), Some(task)) = (&args.line, &args.visit, &task) {
        let found = handheld.look_up_line(task, visit, line, &args.clause)?;
        return Output::new("lookup-line", &found, line_lines(&found));
    }
    if let Some(id) = &args.show {
        let entry = handheld.reference_entry(task.as_ref(), id)?.ok_or_else(|| {
            Trouble::new(
                "CLI-UNKNOWN",
                "参考资料里没有这一条",
                "没有改动任何数据",
                "先用 lookup 查",
            )
        })?;
        return Output::new("lookup-entry", &entry, entry_lines(&entry));
    }
    let query = LookUp {
        text: args.query.clone().unwrap_or_default(),
        on: args.on.clone(),
        kinds: args.kind.clone(),
        page: Page { offset: args.offset, limit: args.limit },
    };
    let kinds = handheld.look_up(task.as_ref(), &query)?;
    let mut lines = Vec::new();
    for answers in &kinds {
        let more = if answers.more { "(还有更多)" } else { "" };
        lines.push(format!("{}{more}", answers.kind.zh()));
        lines.extend(answers.hits.iter().flat_map(hit_lines));
    }
    if lines.is_empty() {
        lines.push("没有查到".to_owned());
    }
    Output::new("lookup", &serde_json::json!({ "on": args.on, "kinds": kinds }), lines)
}

/// `policy`.
pub(crate) fn policy(handheld: &mut Handheld, args: &Policy) -> TroubleResult<Output> {
    match args {
        Policy::Import(args) => import(handheld, args),
        Policy::List { task } => {
            let task = task.as_deref().map(task_id).transpose()?;
            let documents = handheld.reference_documents(task.as_ref())?;
            let lines = documents.iter().map(|(added, d)| {
                let number = d.number.as_deref().unwrap_or_default();
                let begin = d.begin.as_deref().unwrap_or("生效日期未载");
                let end = d.end.as_deref().unwrap_or("今");
                let added = if *added { "  (本机添加)" } else { "" };
                format!("{}  {number}  {begin} 至 {end}  {} 条{added}", d.title, d.entries)
            });
            let lines = lines.collect();
            let items: Vec<_> = documents
                .iter()
                .map(|(added, d)| serde_json::json!({ "added": added, "document": d }))
                .collect();
            Output::new("policy-list", &items, lines)
        }
    }
}

fn import(handheld: &mut Handheld, args: &PolicyImport) -> TroubleResult<Output> {
    let bytes = std::fs::read(&args.file).map_err(|cause| {
        Trouble::new("CLI-FILE", "文件读不出来", "没有执行任何操作", "检查路径和权限")
            .because(cause)
    })?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let report = handheld.add_reference(&AddedSource {
        name,
        bytes,
        kind: args.kind,
        valid_from: args.valid_from.clone(),
        valid_until: args.valid_until.clone(),
    })?;
    let mut lines = vec![format!(
        "{} {}:读 {} 条，添加 {} 条，拒收 {} 条；{} 至 {}",
        report.title,
        report.number,
        report.read,
        report.entries(),
        report.rejected,
        report.begin.as_deref().unwrap_or("生效日期未载"),
        report.end.as_deref().unwrap_or("今"),
    )];
    let told = report.rejects.iter().chain(&report.remarks);
    lines.extend(told.map(|r| format!("  第 {} 行 {} {}", r.line, r.column, r.reason)));
    Output::new("policy-import", &report, lines)
}
