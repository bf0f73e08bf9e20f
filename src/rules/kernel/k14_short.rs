//! K14, `short_group` (F11): a stay far shorter and far cheaper than the house's own stays of the same group.
//!
//! Who is paid by group gains by doing little. Compared is with the middle of the facility's own stays, because
//! what a group needs is the region's to say and is not loaded. A lead: it says where records should be read.

use std::collections::BTreeMap;

use super::{Compiled, Cx, Hit, Out, Probe, muldiv, plain, yuan};
use crate::book::{ONE, Visit};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    cx.needs_table("grp")?;
    let least = usize::try_from(cx.whole("count")?).unwrap_or(usize::MAX);
    Ok(Box::new(Short { share: cx.need("share")?, least, groups: BTreeMap::new() }))
}

struct Short {
    share: i64,
    least: usize,
    /// Visit, days, bill of every stay, by group.
    groups: BTreeMap<u32, Vec<(u32, i64, i64)>>,
}

impl Probe for Short {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if !visit.kind.is_stay() {
            return;
        }
        let live: Vec<_> = cx.book.settlements_of(visit).iter().filter(|s| !s.cancelled).collect();
        let [s] = live.as_slice() else { return };
        if let (false, Some(days), Some(total)) =
            (s.by_item || s.group == 0, visit.stay_days(), s.total)
        {
            self.groups.entry(s.group).or_default().push((visit.at, days, total));
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for (group, stays) in std::mem::take(&mut self.groups) {
            if stays.len() < self.least {
                out.silent("样本太少");
                continue;
            }
            let middle = |of: fn(&(u32, i64, i64)) -> i64| {
                let mut all: Vec<i64> = stays.iter().map(of).collect();
                all.sort_unstable();
                all.get(all.len().div_euclid(2)).copied().unwrap_or(0)
            };
            let (days, total) = (middle(|s| s.1), middle(|s| s.2));
            for (at, own_days, own_total) in &stays {
                let short = own_days.saturating_mul(ONE) <= days.saturating_mul(self.share);
                let cheap = *own_total <= muldiv(total, self.share, ONE);
                let (true, Some(visit)) = (short && cheap, cx.book.visit(*at)) else { continue };
                let hit = Hit::of_visit(cx, visit)
                    .fact("code", cx.book.text(group))
                    .fact("days", own_days.to_string())
                    .fact("cap", days.to_string())
                    .fact("amount", yuan(*own_total))
                    .fact("value", yuan(total))
                    .fact(
                        "count",
                        plain(i64::try_from(stays.len()).unwrap_or(0).saturating_mul(ONE)),
                    );
                out.hit(cx, hit);
            }
        }
    }
}
