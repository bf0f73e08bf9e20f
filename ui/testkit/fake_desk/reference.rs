//! Invented reference data of all kinds around the items of the invented fee lines.

use spotcheck_app::memory::MemoryReference;
use spotcheck_domain::Amount;
use spotcheck_domain::claims::FeeLine;
use spotcheck_domain::reference::{
    EntryKind, LevelLimit, Match, Neighbour, ReferenceDocument, ReferenceEntry, ReferenceHit,
};

/// Kind, code, name or document, article, text, in force from.
type Row = (EntryKind, &'static str, &'static str, &'static str, &'static str, &'static str);

const RULES: &str = "示例市医疗服务收费管理办法";

const ROWS: [Row; 13] = [
    (
        EntryKind::Article,
        "示医保〔2024〕12号",
        RULES,
        "第七条",
        "床位费按日计收，计入不计出；患者请假期间不得计收床位费。",
        "2024-01-01",
    ),
    (
        EntryKind::Article,
        "示医保〔2024〕12号",
        RULES,
        "第八条",
        "同一项目同一日按次计收的，应当与医嘱、执行记录和报告单一致。",
        "2024-01-01",
    ),
    (
        EntryKind::Article,
        "示医保〔2024〕12号",
        RULES,
        "第九条",
        "血糖测定每日计收次数以检验报告为准。",
        "2024-01-01",
    ),
    (
        EntryKind::Article,
        "示医保〔2019〕8号",
        "示例市收费暂行办法",
        "第三条",
        "床位费按日计收，计入计出。",
        "2019-05-01",
    ),
    (
        EntryKind::Item,
        "0099250310000-S021",
        "血糖测定(葡萄糖氧化酶法)",
        "",
        "含试纸。",
        "2024-01-01",
    ),
    (
        EntryKind::Item,
        "0099250310000-S021",
        "血糖测定(葡萄糖氧化酶法)",
        "",
        "含试纸。",
        "2026-06-01",
    ),
    (
        EntryKind::Item,
        "0099660010000-B001",
        "普通病房床位费(三人间)",
        "",
        "含水电、空调。",
        "2024-01-01",
    ),
    (
        EntryKind::Drug,
        "XD99005A001010100001990005",
        "阿司匹林肠溶片",
        "",
        "规格：100 mg×30 片",
        "2024-01-01",
    ),
    (
        EntryKind::Consumable,
        "C99002010000000000990",
        "静脉留置针",
        "",
        "材质：聚氨酯",
        "2024-01-01",
    ),
    (EntryKind::Diagnosis, "I10.x00x002", "高血压病", "", "", "2023-01-01"),
    (EntryKind::Operation, "51.2300", "腹腔镜下胆囊切除术", "", "", "2023-01-01"),
    (
        EntryKind::Case,
        "",
        "案例一 请假期间计收床位费",
        "",
        "示例医院在患者请假期间计收床位费 6 日，退回 240 元(示例)。",
        "2025-02-01",
    ),
    (
        EntryKind::Point,
        "0099250310000-S021",
        "血糖测定每日次数",
        "",
        "使用数量总计超过上限数量。",
        "2025-01-01",
    ),
];

fn limits(code: &str, begin: &str) -> Vec<LevelLimit> {
    let by_level: &[(&str, i64)] = match (code, begin) {
        ("0099250310000-S021", "2024-01-01") => {
            &[("1", 4_500_000), ("2", 5_000_000), ("3", 5_500_000)]
        }
        ("0099250310000-S021", _) => &[("1", 4_000_000), ("2", 4_500_000), ("3", 5_000_000)],
        ("0099660010000-B001", _) => &[("", 42_000_000)],
        ("C99002010000000000990", _) => &[("", 22_890_000)],
        _ => &[],
    };
    let limit = |(level, amount): &(&str, i64)| LevelLimit {
        level: (*level).to_owned(),
        amount: Amount::from_millionths(*amount),
    };
    by_level.iter().map(limit).collect()
}

fn end(title: &str, code: &str, begin: &str) -> Option<String> {
    let last = match (title, code, begin) {
        ("示例市收费暂行办法", _, _) => "2023-12-31",
        (_, "0099250310000-S021", "2024-01-01") => "2026-05-31",
        _ => return None,
    };
    Some(last.to_owned())
}

/// All entries, with neighbours inside the one document of three articles.
pub(super) fn library() -> MemoryReference {
    let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
    let heading = |n: usize| {
        let row = ROWS.get(n).filter(|row| row.2 == RULES)?;
        Some(Neighbour { id: format!("r{n}"), heading: row.3.to_owned() })
    };
    let entries = ROWS.iter().enumerate().map(|(n, (kind, code, title, article, text, begin))| {
        let own = *title == RULES;
        let restriction = (*kind == EntryKind::Drug).then(|| "限心脑血管疾病二级预防".to_owned());
        ReferenceEntry {
            head: ReferenceHit {
                id: format!("r{n}"),
                kind: *kind,
                matched: Match::Title,
                code: some(code),
                title: (*title).to_owned(),
                article: some(article),
                snippet: text.chars().take(40).collect(),
                unit: matches!(kind, EntryKind::Item | EntryKind::Consumable)
                    .then(|| if code.ends_with("B001") { "日" } else { "次" }.to_owned()),
                limits: limits(code, begin),
                restriction,
                begin: some(begin),
                end: end(title, code, begin),
                added: false,
            },
            text: (*text).to_owned(),
            excluded: None,
            aliases: Vec::new(),
            chrgitm_lv: (*kind == EntryKind::Item).then(|| "01".to_owned()),
            chapter: own.then(|| "第二章 收费".to_owned()),
            document: Some(ReferenceDocument {
                title: if article.is_empty() { kind.zh() } else { title }.to_owned(),
                number: some(code).filter(|_| *kind == EntryKind::Article),
                issuer: some("示例市医疗保障局"),
                source: "示例.txt".to_owned(),
                begin: some(begin),
                entries: 1,
                ..ReferenceDocument::default()
            }),
            line: None,
            chars: None,
            previous: n.checked_sub(1).filter(|_| own).and_then(heading),
            next: n.checked_add(1).filter(|_| own).and_then(heading),
        }
    });
    MemoryReference(entries.collect())
}

/// The invented lines carry numbers as codes; here they get the code of the item they name.
pub(super) fn with_code(mut line: FeeLine) -> FeeLine {
    let name = line.hilist_name.clone().unwrap_or_default();
    let of_name = ROWS.iter().find(|row| !row.2.is_empty() && name.starts_with(row.2));
    if let Some((_, code, ..)) = of_name.filter(|row| row.0 != EntryKind::Article) {
        line.med_list_codg = Some((*code).to_owned());
    }
    line
}
