//! What may become of a finding after the site: put to the party, answered, reviewed, final, and what follows.
//!
//! The order protects the party: nothing is final that was not put to it and on which it was not heard, its
//! silence counts only when its time is over, and whoever found something does not review it
//! (行政处罚法 art. 44, 45, 57; rules.md, Finding). The table is data; [`check`] judges one step by it.

use std::collections::BTreeSet;

use crate::trouble::Trouble;

crate::words!(
    /// State of a finding from the site to the money.
    FindingStep {
        /// 待核查.
        Open = "open", "待核查";
        /// 事实属实.
        Confirmed = "confirmed", "事实属实";
        /// 已排除.
        Excluded = "excluded", "已排除";
        /// 需补证.
        NeedsEvidence = "needs_evidence", "需补证";
        /// 已交当事人陈述.
        PutToParty = "put_to_party", "已交当事人陈述";
        /// 当事人已答复.
        Answered = "answered", "当事人已答复";
        /// 复核中.
        SecondReview = "second_review", "已复核";
        /// 已终结.
        Final = "final", "已终结";
        /// 已扣减支付.
        Deducted = "deducted", "已扣减支付";
        /// 已退回基金.
        PaidBack = "paid_back", "已责令退回";
        /// 已作出处罚决定.
        Fined = "fined", "已作出处罚决定";
        /// 已移送.
        Referred = "referred", "已移送";
        /// 款项已到账.
        Paid = "paid", "款项已到账";
    }
);

crate::words!(
    /// What the party answered.
    PartyAnswer {
        /// 无异议.
        Accept = "accept", "无异议";
        /// 有异议.
        Contest = "contest", "有异议";
        /// 逾期未答复.
        Silent = "silent", "逾期未答复";
    }
);

use FindingStep::{
    Answered, Confirmed, Deducted, Excluded, Final, Fined, NeedsEvidence, Open, Paid, PaidBack,
    PutToParty, Referred, SecondReview,
};

/// From which state which may follow.
pub const TRANSITIONS: &[(FindingStep, &[FindingStep])] = &[
    (Open, &[Confirmed, Excluded, NeedsEvidence]),
    (Confirmed, &[PutToParty, Excluded, NeedsEvidence, Open]),
    (Excluded, &[Open]),
    (NeedsEvidence, &[Confirmed, Excluded, Open]),
    (PutToParty, &[Answered, Excluded]),
    (Answered, &[SecondReview, PutToParty, Excluded, NeedsEvidence]),
    (SecondReview, &[Final, PutToParty, Excluded, NeedsEvidence]),
    (Final, &[Deducted, PaidBack, Fined, Referred]),
    (Deducted, &[PaidBack, Fined, Referred, Paid]),
    (PaidBack, &[Deducted, Fined, Referred, Paid]),
    (Fined, &[Deducted, PaidBack, Referred, Paid]),
    (Referred, &[Deducted, PaidBack, Fined, Paid]),
    (Paid, &[]),
];

/// Working days that a party has to answer, unless the paper gives another day.
pub const ANSWER_DAYS: u32 = 10;

impl FindingStep {
    /// True from the moment on when a finding may be called what it is (rules.md, Words).
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Final | Deducted | PaidBack | Fined | Referred | Paid)
    }

    /// What may follow.
    #[must_use]
    pub fn next(self) -> &'static [Self] {
        TRANSITIONS.iter().find(|(from, _)| *from == self).map_or(&[], |(_, to)| to)
    }

    /// Whether a step into this state must say why, or by which paper.
    const fn needs_reason(self) -> bool {
        !matches!(self, Open | Confirmed | PutToParty | Answered | Paid)
    }
}

/// One step of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The state it leads to.
    pub state: FindingStep,
    /// With [`FindingStep::Answered`]: what was answered.
    pub answer: Option<PartyAnswer>,
    /// Who did it: an officer's id.
    pub by: String,
    /// Day since 1970.
    pub day: i64,
    /// With [`FindingStep::PutToParty`]: last day on which the party may answer.
    pub due: Option<i64>,
    /// Why, or the number of the paper.
    pub reason: Option<String>,
}

fn no(code: &str, message: &str, advice: &str) -> Trouble {
    Trouble::new(code, message, "没有更改任何状态", advice)
}

/// Whether a step may follow on those before it, the oldest first.
///
/// # Errors
/// Why it may not, in words for whoever wanted it.
pub fn check(before: &[Step], next: &Step) -> Result<(), Trouble> {
    let last = before.last().map_or(Open, |s| s.state);
    let since_put = before.iter().rposition(|s| s.state == PutToParty);
    if next.state == Final {
        if since_put.is_none() {
            return Err(no(
                "FINDING-NOT-PUT",
                "事实还没有交当事人陈述，不能终结",
                "先把事实交当事人陈述，再记录其陈述和申辩",
            ));
        }
        let heard = before.iter().skip(since_put.unwrap_or(0)).any(|s| s.state == Answered);
        if !heard {
            return Err(no(
                "FINDING-NOT-HEARD",
                "还没有记录当事人的陈述和申辩，不能终结",
                "记录当事人的答复；逾期未答复的，在期满后记录",
            ));
        }
    }
    if !last.next().contains(&next.state) {
        let next_words: Vec<&str> = last.next().iter().map(|s| s.zh()).collect();
        let advice = if next_words.is_empty() {
            "这条线索已经办结".to_owned()
        } else {
            format!("现在可以：{}", next_words.join("、"))
        };
        let message = format!("状态“{}”之后不能是“{}”", last.zh(), next.state.zh());
        return Err(no("FINDING-ORDER", &message, &advice));
    }
    let said = next.reason.as_deref().map(str::trim).is_some_and(|r| !r.is_empty());
    if !said && (next.state.needs_reason() || heard_words(next)) {
        return Err(no("FINDING-REASON", "没有写明理由或文书号", "用 --reason 写明"));
    }
    match next.state {
        PutToParty if next.due.is_none_or(|due| due <= next.day) => Err(no(
            "FINDING-DUE",
            "没有写明当事人答复的截止日，或截止日不在今天之后",
            "用 --due 写明截止日",
        )),
        Answered => answered(before, since_put, next),
        SecondReview => reviewed(before, next),
        _ => Ok(()),
    }
}

/// An answer in words must be kept.
fn heard_words(next: &Step) -> bool {
    next.state == Answered && next.answer != Some(PartyAnswer::Silent)
}

fn answered(before: &[Step], put: Option<usize>, next: &Step) -> Result<(), Trouble> {
    let Some(answer) = next.answer else {
        return Err(no(
            "FINDING-ANSWER",
            "没有写明当事人怎样答复",
            "用 --answer 写明 accept、contest 或 silent",
        ));
    };
    let due = put.and_then(|at| before.get(at)).and_then(|s| s.due);
    if answer == PartyAnswer::Silent && due.is_none_or(|due| next.day <= due) {
        return Err(no(
            "FINDING-TOO-EARLY",
            "答复期还没有满，不能记为逾期未答复",
            "期满的第二天起才能记录",
        ));
    }
    Ok(())
}

/// 行政处罚法 art. 57, 58: whoever established the facts does not review them.
fn reviewed(before: &[Step], next: &Step) -> Result<(), Trouble> {
    let first: BTreeSet<&str> = before
        .iter()
        .filter(|s| matches!(s.state, Confirmed | PutToParty))
        .map(|s| s.by.as_str())
        .collect();
    if first.contains(next.by.as_str()) {
        return Err(no(
            "FINDING-SAME-PERSON",
            "复核人不能是认定事实或交当事人陈述的人",
            "由另一名人员复核",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(state: FindingStep, by: &str, day: i64) -> Step {
        let due = (state == PutToParty).then(|| day.saturating_add(14));
        let answer = (state == Answered).then_some(PartyAnswer::Contest);
        let reason = Some("见文书".to_owned());
        Step { state, answer, by: by.to_owned(), day, due, reason }
    }

    fn code(before: &[Step], next: &Step) -> String {
        check(before, next).map_or_else(|trouble| trouble.code, |()| "ok".to_owned())
    }

    /// rules.md: only after the party was heard a finding is final; whoever found it does not review it.
    #[test]
    fn nothing_is_final_before_the_party_was_heard_and_another_looked() {
        let mut before = vec![step(Confirmed, "O-1", 0)];
        assert_eq!(code(&before, &step(Final, "O-2", 1)), "FINDING-NOT-PUT");
        assert_eq!(code(&before, &step(Answered, "O-2", 1)), "FINDING-ORDER");
        before.push(step(PutToParty, "O-2", 1));
        assert_eq!(code(&before, &step(Final, "O-2", 2)), "FINDING-NOT-HEARD");
        assert_eq!(code(&before, &step(SecondReview, "O-3", 2)), "FINDING-ORDER");
        let silent = |day| Step {
            answer: Some(PartyAnswer::Silent),
            reason: None,
            ..step(Answered, "O-2", day)
        };
        assert_eq!(code(&before, &silent(15)), "FINDING-TOO-EARLY");
        assert_eq!(code(&before, &silent(16)), "ok");
        let wordless = Step { reason: None, ..step(Answered, "O-2", 3) };
        assert_eq!(code(&before, &wordless), "FINDING-REASON");
        let none = Step { answer: None, ..step(Answered, "O-2", 3) };
        assert_eq!(code(&before, &none), "FINDING-ANSWER");
        before.push(step(Answered, "O-2", 3));
        assert_eq!(code(&before, &step(Final, "O-3", 4)), "FINDING-ORDER");
        for same in ["O-1", "O-2"] {
            assert_eq!(code(&before, &step(SecondReview, same, 4)), "FINDING-SAME-PERSON");
        }
        before.push(step(SecondReview, "O-3", 4));
        // Put to the party once more: it must be heard once more.
        let again: Vec<Step> = before.iter().cloned().chain([step(PutToParty, "O-2", 5)]).collect();
        assert_eq!(code(&again, &step(Final, "O-3", 6)), "FINDING-NOT-HEARD");
        assert_eq!(code(&before, &step(Final, "O-3", 5)), "ok");
        before.push(step(Final, "O-3", 5));
        assert_eq!(code(&before, &step(Excluded, "O-3", 6)), "FINDING-ORDER");
        for outcome in [Deducted, PaidBack, Fined, Referred] {
            assert_eq!(code(&before, &step(outcome, "O-3", 6)), "ok");
        }
        assert_eq!(code(&before, &step(Paid, "O-3", 6)), "FINDING-ORDER");
    }

    #[test]
    fn a_deadline_lies_ahead_and_an_exclusion_has_its_reason() {
        let before = [step(Confirmed, "O-1", 0)];
        let late = Step { due: Some(1), ..step(PutToParty, "O-2", 1) };
        assert_eq!(code(&before, &late), "FINDING-DUE");
        let mute = Step { reason: Some("  ".to_owned()), ..step(Excluded, "O-2", 1) };
        assert_eq!(code(&before, &mute), "FINDING-REASON");
    }

    /// The table is whole: every state is in it once, and what is called by its name comes after the hearing.
    #[test]
    fn every_way_to_the_end_goes_through_the_hearing() {
        for state in FindingStep::ALL {
            assert_eq!(
                TRANSITIONS.iter().filter(|(from, _)| from == state).count(),
                1,
                "{state:?}"
            );
        }
        for (from, to) in TRANSITIONS {
            let ends = to.iter().any(|t| t.is_final());
            assert!(!ends || *from == SecondReview || from.is_final(), "{from:?}");
            assert!(!to.contains(&SecondReview) || *from == Answered, "{from:?}");
            assert!(!to.contains(&Answered) || *from == PutToParty, "{from:?}");
        }
    }
}
