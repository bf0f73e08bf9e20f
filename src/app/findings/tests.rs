//! What files never say before a finding is final (rules.md, Words): every rule in force, every state, every form
//! of file, for us and for the party.

use std::io::Cursor;

use calamine::{Reader as _, Xlsx, open_workbook_from_rs};
use spotcheck_domain::Amount;
use spotcheck_rules::export::{Audience, Entry, Format, Said, findings_file};
use spotcheck_rules::{Finding, LossMethod, Origin, Pack, People, Rule, national};

use super::{FindingState, state_words};

/// What nobody has been found to have done yet.
const NEVER: &[&str] = &["违规", "违法", "骗保", "欺诈", "罚款", "处罚"];
/// Penalty clauses (条例 38–41) in every way they are written, and what is ours only.
const NOT_FOR_PARTY: &[&str] = &[
    "T38",
    "T39",
    "T40",
    "T41",
    "第三十八条",
    "第三十九条",
    "第四十条",
    "第四十一条",
    "第38条",
    "第39条",
    "第40条",
    "第41条",
    "可直接核对",
    "待核实",
    "线索跟踪",
    "权重",
    "weight",
    "grade",
    "national@",
];

/// A sentence with every placeholder filled.
fn filled(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        text.push('3');
        rest = after.split_once('}').map_or("", |(_, tail)| tail);
    }
    text + rest
}

fn finding(rule: &Rule, method: LossMethod) -> Finding {
    let amount = Amount::parse("40").unwrap();
    Finding {
        rule: rule.id.clone(),
        pack: rule.pack.clone(),
        grade: rule.grade,
        fixmedins_code: "H99010100001".to_owned(),
        psn_no: Some("P-1".to_owned()),
        mdtrt_id: Some("M-1".to_owned()),
        setl_id: None,
        bkkp_sn: vec!["L-1".to_owned()],
        code: None,
        amount: Some(amount),
        fund_amount: (method != LossMethod::N).then_some(amount),
        loss_method: method,
        pending: false,
        principal: true,
        reason: filled(&rule.reason),
        name: rule.name.clone(),
        party: rule.grade.is_for_party().then(|| filled(&rule.name_party)),
        reason_party: None,
        elsewhere: false,
        severity: rule.severity,
        clause: rule.clause.clone(),
        weight: 40,
        date: Some("2026-03-05".to_owned()),
        also: vec![],
        people: People::default(),
        look: rule.look.clone(),
        tried: vec![],
        doubt: rule.doubt.clone(),
        family: rule.family.clone(),
    }
}

/// Everything that can be read in a file.
fn words(bytes: Vec<u8>, format: Format) -> String {
    if format != Format::Xlsx {
        return String::from_utf8(bytes).unwrap();
    }
    let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    let mut all = book.sheet_names().join("\n");
    for (_, range) in book.worksheets() {
        for row in range.rows() {
            all.extend(row.iter().map(|cell| format!("{cell}\n")));
        }
    }
    all
}

fn pack() -> Pack {
    national().unwrap()
}

#[test]
fn no_file_of_any_state_but_final_accuses_and_the_party_reads_no_penalty() {
    let pack = pack();
    let methods = LossMethod::ALL;
    let all: Vec<Finding> = pack
        .rules
        .iter()
        .zip(methods.iter().cycle())
        .map(|(rule, method)| finding(rule, *method))
        .collect();
    let states = FindingState::ALL.iter().filter(|s| **s != FindingState::Final);
    let mut files = 0;
    for state in states {
        let said = Said {
            state: state_words(*state).to_owned(),
            reason: "查看了护理记录".to_owned(),
            officer: "示A-0001".to_owned(),
            at: "2026-11-20T10:05:41+08:00".to_owned(),
        };
        let entry = |finding| Entry { finding, origin: Some(Origin::Both), said: Some(&said) };
        let entries: Vec<Entry<'_>> = all.iter().map(entry).collect();
        for format in Format::ALL {
            for audience in [Audience::Us, Audience::Party] {
                let text = words(findings_file(&entries, audience, *format, 0).unwrap(), *format);
                let place = format!("{state:?} {format:?} {audience:?}");
                for never in NEVER {
                    assert!(!text.contains(never), "{place}: {never}");
                }
                if audience == Audience::Party {
                    for not in NOT_FOR_PARTY {
                        assert!(!text.contains(not), "{place}: {not}");
                    }
                    no_name_of_ours(&text, &pack.rules, &place);
                    let printed = all.iter().filter(|f| f.party.is_some()).count();
                    assert!(printed > 100 && text.contains("(估算)"), "{place}: {printed}");
                }
                files += 1;
            }
        }
    }
    assert_eq!(files, (FindingState::ALL.len() - 1) * Format::ALL.len() * 2);
}

/// What we call a thing among us is a judgement; the party reads what was seen.
fn no_name_of_ours(text: &str, rules: &[Rule], place: &str) {
    let facts: String = rules.iter().map(|r| filled(&r.name_party) + &filled(&r.reason)).collect();
    for rule in rules.iter().filter(|r| !facts.contains(&r.name)) {
        assert!(!text.contains(&rule.name), "{place}: {} ({})", rule.name, rule.id);
    }
}

/// Every printed amount names its method, and every method of an amount says that it is an estimate.
#[test]
fn every_method_of_an_amount_says_that_it_is_an_estimate() {
    for method in LossMethod::ALL {
        assert_eq!(method.zh().contains("估算"), *method != LossMethod::N, "{method:?}");
    }
}
