//! The words that are read aloud when a visit's recording begins: who comes, by what right, and that it is
//! recorded (research: domain.md §1, 全过程记录; 行政处罚法 art. 43 and 55, 条例 art. 27 and 28).
//!
//! They are a text of their own per mode, beside the forms and as replaceable: an agreement audit knows no
//! 执法证 and no powers. A place that has nothing to say vanishes with its punctuation, so that nobody reads
//! out a gap.

use spotcheck_domain::task::Task;
use spotcheck_domain::time::on_paper;
use spotcheck_domain::vocabulary::Mode;

const ENFORCEMENT: &str = include_str!("templates/opening-enforcement.txt");
const AGREEMENT: &str = include_str!("templates/opening-agreement.txt");
const DAILY: &str = include_str!("templates/opening-daily.txt");

/// The text of a mode.
const fn text(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforcement | Mode::Flight | Mode::Joint => ENFORCEMENT,
        Mode::Agreement => AGREEMENT,
        Mode::Daily => DAILY,
    }
}

/// `2026年1月1日` of `2026-01-01`.
fn date(day: &str) -> String {
    let mut parts = day.split('-').map(|part| part.trim_start_matches('0'));
    match (parts.next(), parts.next(), parts.next()) {
        (Some(year), Some(month), Some(day)) => format!("{year}年{month}月{day}日"),
        _ => day.to_owned(),
    }
}

/// The words for a task at a moment, paragraph by paragraph.
#[must_use]
pub fn opening(task: &Task, now_ms: i64) -> Vec<String> {
    let mut agencies: Vec<&str> = Vec::new();
    for officer in &task.officers {
        if !agencies.contains(&officer.agency.as_str()) {
            agencies.push(&officer.agency);
        }
    }
    let several = agencies.len() > 1;
    let officers: Vec<String> = task
        .officers
        .iter()
        .map(|o| {
            let of = if several { format!("{}的", o.agency) } else { String::new() };
            let (kind, number) = (o.credential_kind.zh(), &o.credential_number);
            format!("{of}{}，{kind}号{number}", o.name)
        })
        .collect();
    let number = task.document_number.as_deref().map(|n| format!("文书编号{n}。"));
    let addr = task.facility.addr.as_deref().map(|addr| format!("（{addr}）"));
    let period = format!("自{}至{}", date(&task.period_from), date(&task.period_to));
    let places = [
        ("{time}", on_paper(now_ms)),
        ("{facility}", task.facility.fixmedins_name.clone()),
        ("{addr}", addr.unwrap_or_default()),
        ("{agency}", agencies.join("、")),
        ("{officers}", officers.join("；")),
        ("{basis}", task.basis.iter().map(|b| format!("《{b}》")).collect::<Vec<_>>().join("、")),
        ("{period}", period),
        ("{number}", number.unwrap_or_default()),
    ];
    text(task.mode)
        .lines()
        .map(|line| {
            // Each place once: what a name contains is never taken for a place.
            let mut said = String::new();
            let mut rest = line;
            while let Some((before, behind)) = rest.split_once('{') {
                said.push_str(before);
                let found = places.iter().find_map(|(place, value)| {
                    let name = place.strip_prefix('{')?;
                    Some((value, behind.strip_prefix(name)?))
                });
                match found {
                    Some((value, after)) => {
                        said.push_str(value);
                        rest = after;
                    }
                    None => {
                        said.push('{');
                        rest = behind;
                    }
                }
            }
            said.push_str(rest);
            said
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use spotcheck_domain::TaskId;
    use spotcheck_domain::task::{TASK_SCHEMA, TaskFacility, TaskOfficer};
    use spotcheck_domain::vocabulary::CredentialKind;

    use super::*;

    const NOW: i64 = 1_795_138_200_000;

    fn task(mode: Mode, kind: CredentialKind) -> Task {
        let officer = |id: &str, name: &str, number: &str| TaskOfficer {
            id: spotcheck_domain::OfficerId::parse(id).unwrap(),
            name: name.to_owned(),
            agency: "示例市医疗保障局".to_owned(),
            credential_kind: kind,
            credential_number: number.to_owned(),
            credential_valid_until: None,
        };
        Task {
            schema: TASK_SCHEMA.to_owned(),
            id: TaskId::parse("T-2026-0001").unwrap(),
            title: "现场核查".to_owned(),
            mode,
            basis: vec!["医疗保障基金使用监督管理条例".to_owned()],
            document_number: Some("示医保检〔2026〕7号".to_owned()),
            facility: TaskFacility {
                fixmedins_code: "H00000000001".to_owned(),
                fixmedins_name: "示例{time}医院".to_owned(),
                uscc: None,
                addr: None,
            },
            period_from: "2025-11-01".to_owned(),
            period_to: "2026-10-31".to_owned(),
            officers: vec![officer("O-0001", "张三", "示-01"), officer("O-0002", "李四", "示-02")],
            devices: Vec::new(),
            valid_from: String::new(),
            valid_until: String::new(),
        }
    }

    #[test]
    fn an_enforcement_visit_names_who_what_when_and_the_right_to_avoidance() {
        let said = opening(&task(Mode::Enforcement, CredentialKind::Enforcement), NOW).join("\n");
        for words in [
            "2026年11月20日09时30分",
            "示例市医疗保障局的执法人员：张三，行政执法证号示-01；李四，行政执法证号示-02",
            "《医疗保障基金使用监督管理条例》",
            "自2025年11月1日至2026年10月31日",
            "示医保检〔2026〕7号",
            "全程录音录像",
            "申请回避",
            "陈述和申辩",
        ] {
            assert!(said.contains(words), "{words} is not in {said}");
        }
        assert!(said.contains("示例{time}医院"), "a name is no place: {said}");
    }

    /// inspection.md, Modes: no 执法证 and no powers of enforcement in an agreement audit.
    #[test]
    fn an_agreement_audit_has_no_word_of_enforcement() {
        let said = opening(&task(Mode::Agreement, CredentialKind::Work), NOW).join("\n");
        for never in ["执法", "处罚", "封存", "登记保存", "申辩", "监督检查"] {
            // The name of the regulation is the task's, not the text's.
            let own = said.replace("《医疗保障基金使用监督管理条例》", "");
            assert!(!own.contains(never), "{never} in {said}");
        }
        assert!(
            said.contains("工作证号示-01") && said.contains("回避") && said.contains("录音录像")
        );
    }

    #[test]
    fn every_mode_is_filled_and_no_place_is_left() {
        for mode in [Mode::Enforcement, Mode::Flight, Mode::Joint, Mode::Agreement, Mode::Daily] {
            let mut task = task(mode, CredentialKind::Work);
            task.facility.fixmedins_name = "示例医院".to_owned();
            task.document_number = None;
            let said = opening(&task, NOW);
            assert!(said.len() >= 5, "{mode:?}");
            for paragraph in &said {
                assert!(!paragraph.contains(['{', '}']), "{mode:?}: {paragraph}");
                assert!(!paragraph.contains("。。") && !paragraph.ends_with('，'), "{paragraph}");
            }
        }
    }
}
