//! Whose money it was: a rule about a loss of the fund judges only what the fund took part in.
//!
//! One place for all kernels. A line of which nothing lay in the fund's scope (`inscp_amt` 0) is no charge to such a
//! rule, be it counted or told; what stands beside an accused line may be paid by anybody.

use super::{Cx, Hit};
use crate::book::{Line, flag};

/// Why a rule about the fund's money leaves a finding alone.
pub(super) const SELF_PAID: &str = "个人全自费，基金未支付";

impl Cx<'_> {
    /// True if the rule may judge a line as one of the fund's.
    pub(super) fn judges(self, flags: u16) -> bool {
        !self.rule.fund || flags & flag::SELF_PAID == 0
    }

    /// Takes the lines that the patient paid alone out of a finding; false if it had lines and none is left.
    pub(super) fn paid_only(self, hit: &mut Hit) -> bool {
        let had = !hit.lines.is_empty();
        hit.lines.retain(|(at, _)| self.judges(self.book.lines.flags(*at)));
        !(had && hit.lines.is_empty())
    }

    /// The doubt of a finding about the fund's money with lines of which nobody uploaded what lay in its scope.
    pub(super) fn unknown_payer(self, hit: &Hit) -> Option<&'static str> {
        let scoped = |(at, _): &(u32, i64)| self.book.lines.flags(*at) & flag::SCOPED != 0;
        (self.rule.fund && !hit.lines.iter().all(scoped))
            .then_some("未上传政策范围金额，基金是否支付待核实")
    }

    /// What the patient bore of what is above a limit, for a rule about the fund's money: as uploaded; where the upload
    /// does not say it, all of it if as much was outside the fund's scope.
    pub(crate) fn borne(self, line: Line, over: i64) -> i64 {
        if !self.rule.fund {
            return 0;
        }
        let outside = || {
            let inside = self.book.lines.in_scope(line.at)?;
            (line.amount.saturating_sub(inside) >= over).then_some(over)
        };
        self.book.lines.above_limit(line.at).or_else(outside).unwrap_or(0)
    }

    /// What a line counts where a limit is one of what the fund pays for.
    pub(crate) fn payable(self, line: Line) -> i64 {
        let inside = self.book.lines.in_scope(line.at).filter(|_| self.rule.fund);
        inside.unwrap_or(line.amount)
    }
}
