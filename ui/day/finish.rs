//! What the visit comes to: what was said about findings with its sums, the documents, what is missing.

use std::collections::BTreeMap;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{CaseState, CaseView};
use spotcheck_app::findings::{FindingCard, FindingState};
use spotcheck_app::rules::{LossMethod, PENDING, method_words};
use spotcheck_domain::Amount;
use spotcheck_face::{Finish, NamedRow, PairItem};

use crate::app::{App, Place};
use crate::day::{copies, task};
use crate::findings::suspicions::state_words;
use crate::frame::status::{pair, pairs};
use crate::language::{say, told, word};
use crate::words;

/// All methods.
const METHODS: [LossMethod; 5] =
    [LossMethod::A, LossMethod::B, LossMethod::C, LossMethod::D, LossMethod::N];

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Finish<'_>>();
    face.on_hand_out(app.on(|app| app.go(Place::HandOut)));
    face.on_timeline(app.on(|app| app.go(Place::Timeline)));
    face.on_wipe(app.on(wipe));
    face.on_finding(app.on_with(|app, key: SharedString| open(app, &key)));
}

pub(crate) fn enter(app: &Rc<App>) {
    draw(app);
    app.refresh_case(draw);
    copies::ask_single(app, |app, single| {
        // A case that cannot be read says so on its own page.
        let note = single.map_or_else(|_| String::new(), copies::single);
        app.window.global::<Finish<'_>>().set_copies_note(note.into());
    });
}

fn draw(app: &Rc<App>) {
    task::draw(app);
    let case = app.case.borrow().clone();
    let face = app.window.global::<Finish<'_>>();
    let said = case.as_ref().map(said).unwrap_or_default();
    let confirmed = said.iter().filter(|c| c.state == FindingState::Confirmed).count();
    let open = said.iter().filter(|c| c.state == FindingState::NeedsEvidence).count();
    face.set_findings_note(say!("属实 {} · 待补证 {}", confirmed, open).into());
    face.set_sums(pairs(sums(&said)));
    face.set_findings(ModelRc::new(VecModel::from_iter(said.iter().map(row))));
    let missing = case.filter(|c| c.state == CaseState::Open).map(|c| c.missing);
    let missing = missing.into_iter().flatten().map(|m| SharedString::from(told(&m)));
    face.set_missing(ModelRc::new(VecModel::from_iter(missing)));
}

/// Findings about which somebody has said something that still holds.
fn said(case: &CaseView) -> Vec<FindingCard> {
    case.findings.iter().filter(|c| c.state != FindingState::Open).cloned().collect()
}

fn row(card: &FindingCard) -> NamedRow {
    let amount = card.amount.as_deref().and_then(|a| Amount::parse(a).ok());
    let amount = amount.map_or_else(|| say!("未计金额").to_owned(), words::yuan);
    let evidence = match card.evidence.len() {
        0 => say!("没有关联证据").to_owned(),
        n => say!("证据 {}", n),
    };
    NamedRow {
        id: card.key.as_str().into(),
        title: card.title.as_str().into(),
        note: format!("{} · {amount} · {evidence}", card.id).into(),
        state: state_words(card.state).into(),
        done: card.state == FindingState::Confirmed,
    }
}

/// What was confirmed, added up by method: sums of different methods are never added to each other, and lines
/// whose loss nobody has determined stand apart (rules.md, Loss).
pub(crate) fn sums(cards: &[FindingCard]) -> Vec<PairItem> {
    let mut by_method: BTreeMap<(&str, bool), (u64, i64, i64)> = BTreeMap::new();
    for card in cards.iter().filter(|c| c.state == FindingState::Confirmed) {
        let money = |text: &Option<String>| {
            let amount = text.as_deref().and_then(|a| Amount::parse(a).ok());
            amount.map_or(0, Amount::millionths)
        };
        let sum = by_method.entry((card.loss_method.as_str(), card.pending)).or_default();
        sum.0 = sum.0.saturating_add(1);
        sum.1 = sum.1.saturating_add(money(&card.amount));
        sum.2 = sum.2.saturating_add(money(&card.fund_amount));
    }
    by_method
        .into_iter()
        .map(|((letter, pending), (count, gross, fund))| {
            let gross = words::yuan(Amount::from_millionths(gross));
            let known = METHODS.into_iter().find(|m| m.as_str() == letter);
            let loss = match known {
                None => word(PENDING).to_owned(),
                Some(LossMethod::N) => word(method_words(LossMethod::N, pending)).to_owned(),
                Some(method) => {
                    say!(
                        "基金 {} · {}",
                        words::yuan(Amount::from_millionths(fund)),
                        word(method.zh())
                    )
                }
            };
            pair(&say!("属实 {} 条", count), &say!("涉及 {} · {}", gross, loss))
        })
        .collect()
}

/// A practice case goes, and the officer stands before a task that has not begun.
fn wipe(app: &Rc<App>) {
    let Some(case) = app.case.borrow().as_ref().map(|c| c.id.clone()) else { return };
    app.ask(
        move |desk| desk.wipe_practice(&case),
        |app, ()| {
            app.drop_case();
            app.restart_at(&[Place::Today]);
            app.toast(say!("演练已清除，可以重新开始"));
        },
    );
}

/// The finding as the rules found it; after a lock they have to run again first.
fn open(app: &Rc<App>, key: &str) {
    let place = app.suspicions.findings.borrow().iter().position(|m| m.key == key);
    match place {
        Some(n) => app.go(Place::Suspicion(n)),
        None => app.toast(say!("先在线索里核对一遍，再看明细")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_domain::OfficerId;

    fn card(method: &str, state: FindingState, amount: &str, fund: Option<&str>) -> FindingCard {
        FindingCard {
            id: "F1".to_owned(),
            key: "k".to_owned(),
            rule: "B01".to_owned(),
            pack: "national@2026.11".to_owned(),
            subject: "mdtrt_id:M1".to_owned(),
            title: "同日重复计费".to_owned(),
            text: String::new(),
            state,
            reason: None,
            amount: Some(amount.to_owned()),
            fund_amount: fund.map(str::to_owned),
            loss_method: method.to_owned(),
            pending: method == "N",
            origin: None,
            body: String::new(),
            evidence: Vec::new(),
            people: Vec::new(),
            officer: OfficerId::parse("O-0001").unwrap(),
            judged: String::new(),
        }
    }

    /// rules.md, Loss: what a DRG stay lost is not the sum of its lines.
    #[test]
    fn sums_keep_methods_apart_and_count_confirmed_facts_only() {
        let cards = [
            card("A", FindingState::Confirmed, "10.10", Some("7.00")),
            card("A", FindingState::Confirmed, "0.90", Some("0.63")),
            card("A", FindingState::Excluded, "500.00", Some("400.00")),
            card("N", FindingState::Confirmed, "99.00", None),
        ];
        let sums = sums(&cards);
        let of = |n: usize| (sums[n].label.to_string(), sums[n].value.to_string());
        assert_eq!(sums.len(), 2);
        assert_eq!(of(0).0, "属实 2 条");
        assert!(of(0).1.starts_with("涉及 ¥11.00 · 基金 ¥7.63"), "{}", of(0).1);
        assert!(of(1).1.contains("¥99.00 · 基金损失待经办核算"), "{}", of(1).1);
    }
}
