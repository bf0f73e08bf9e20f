//! `search`, `person`, `visit`, `facility`, `package`.

use clap::{Args, Subcommand};
use spotcheck_app::Handheld;
use spotcheck_app::desk::Desk;
use spotcheck_domain::claims::{FeeFilter, Page};
use spotcheck_domain::{Trouble, TroubleResult, mask};

use super::Output;
use super::sync::task_id;

/// What to search.
#[derive(Debug, Subcommand)]
pub(crate) enum Search {
    /// 参保人 / insured persons
    Persons(Query),
    /// 项目 / items
    Items(Query),
    /// 医务人员 / staff
    Staff(Query),
}

/// Arguments of a search.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// 任务 / task
    #[arg(long, value_name = "ID")]
    task: String,
    /// 姓名、首字母、全拼、证件号后几位、床号 / words to look for
    query: String,
    /// 最多几行 / rows at most
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// 跳过几行 / rows to skip
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

/// Arguments of `person`.
#[derive(Debug, Args)]
pub(crate) struct Person {
    /// 任务 / task
    #[arg(long, value_name = "ID")]
    task: String,
    /// 人员编号 / psn_no
    psn_no: String,
}

/// Arguments of `visit`.
#[derive(Debug, Args)]
pub(crate) struct Visit {
    /// 任务 / task
    #[arg(long, value_name = "ID")]
    task: String,
    /// 就诊编号 / mdtrt_id
    mdtrt_id: String,
    /// 费用明细最多几行 / fee lines at most
    #[arg(long, default_value_t = 500)]
    limit: u32,
}

/// A command about one task.
#[derive(Debug, Args)]
pub(crate) struct OfTask {
    /// 任务 / task
    #[arg(long, value_name = "ID")]
    task: String,
}

fn unknown(what: &str) -> Trouble {
    Trouble::new("CLI-UNKNOWN", &format!("数据包里没有这个{what}"), "没有改动任何数据", "核对编号")
}

/// `search`.
pub(crate) fn search(handheld: &mut Handheld, args: &Search) -> TroubleResult<Output> {
    let (Search::Persons(q) | Search::Items(q) | Search::Staff(q)) = args;
    let task = task_id(&q.task)?;
    let page = Page { offset: q.offset, limit: q.limit };
    match args {
        Search::Persons(_) => {
            let mut hits = handheld.search_persons(&task, &q.query, page)?;
            handheld.tell_listed(&task, "search-persons", hits.len())?;
            for hit in &mut hits {
                hit.psn_name = mask::name(&hit.psn_name);
                hit.certno = hit.certno.as_deref().map(mask::number);
            }
            let lines = hits
                .iter()
                .map(|h| format!("{}  {}  就诊 {} 次", h.psn_no, h.psn_name, h.visits))
                .collect();
            Output::new("search-persons", &hits, lines)
        }
        Search::Items(_) => {
            let hits = handheld.search_items(&task, &q.query, page)?;
            let lines = hits
                .iter()
                .map(|h| format!("{}  {}  {} 行", h.med_list_codg, h.hilist_name, h.fee_lines))
                .collect();
            Output::new("search-items", &hits, lines)
        }
        Search::Staff(_) => {
            let hits = handheld.search_staff(&task, &q.query, page)?;
            let lines =
                hits.iter().map(|h| format!("{}  {}", h.prac_psn_code, h.prac_psn_name)).collect();
            Output::new("search-staff", &hits, lines)
        }
    }
}

/// `person`.
pub(crate) fn person(handheld: &mut Handheld, args: &Person) -> TroubleResult<Output> {
    let task = task_id(&args.task)?;
    let person = handheld.person(&task, &args.psn_no, "cli")?.ok_or_else(|| unknown("参保人"))?;
    let mut lines = vec![format!("{}  {}", person.psn_no, mask::name(&person.psn_name))];
    lines.extend(person.visits.iter().map(|v| {
        let begun = v.begntime.map(|t| t.display()).unwrap_or_default();
        format!("  {}  {begun}  {} 元", v.mdtrt_id, v.medfee_sumamt.to_cents())
    }));
    Output::new("person", &person, lines)
}

/// `visit`.
pub(crate) fn visit(handheld: &mut Handheld, args: &Visit) -> TroubleResult<Output> {
    let task = task_id(&args.task)?;
    let visit = handheld.visit(&task, &args.mdtrt_id, "cli")?.ok_or_else(|| unknown("就诊"))?;
    let lines_of = handheld.fee_lines(
        &task,
        &args.mdtrt_id,
        &FeeFilter::default(),
        Page::first(args.limit),
    )?;
    let mut lines = vec![format!(
        "{}  {}  费用 {} 行，合计 {} 元",
        visit.mdtrt_id,
        mask::name(&visit.psn_name),
        visit.fee_lines,
        visit.fee_sum.to_cents()
    )];
    lines.extend(lines_of.iter().map(|l| {
        format!(
            "  {}  {}  {}",
            l.fee_ocur_time.map(|t| t.display()).unwrap_or_default(),
            l.hilist_name.as_deref().or(l.medins_list_name.as_deref()).unwrap_or("-"),
            l.det_item_fee_sumamt.map(|a| a.to_cents()).unwrap_or_default()
        )
    }));
    Output::new("visit", &serde_json::json!({ "visit": visit, "lines": lines_of }), lines)
}

/// `facility`.
pub(crate) fn facility(handheld: &mut Handheld, args: &OfTask) -> TroubleResult<Output> {
    let view = handheld.facility(&task_id(&args.task)?)?;
    let mut lines = vec![
        format!("{}  {}", view.fixmedins_code, view.fixmedins_name),
        format!(
            "人员 {}  就诊 {}  结算 {}  费用明细 {}",
            view.persons, view.visits, view.settlements, view.fee_lines
        ),
    ];
    lines.extend(
        view.cutoff.iter().map(|(entity, at)| format!("  {entity} 上传至 {}", at.display())),
    );
    Output::new("facility", &view, lines)
}

/// `package`: the full check.
pub(crate) fn package(handheld: &mut Handheld, args: &OfTask) -> TroubleResult<Output> {
    let state = handheld.check_package(&task_id(&args.task)?)?;
    let lines = vec![format!("数据包 {} 核验通过", state.id)];
    Output::new("package", &state, lines)
}
