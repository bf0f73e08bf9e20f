//! K0: refunds are set off against the lines they refund, before any rule looks.
//!
//! A refund is a line of negative quantity or amount. Houses sign both, or only one of them, or leave the
//! quantity out; so a refund takes back what its two numbers say without their signs. It points to its original
//! by `init_feedetl_sn`, which is unique inside one visit only (dictionary: 唯一性提醒), so netting works on the
//! lines of one visit.
//! Nothing is dropped and nothing is guessed across visits: a refund whose named original is not in the data
//! stays an orphan and is told as such; a refund that names no original (the double scan at the till) is set
//! off against the latest charge of the same item before it, because that is how the till books it; an
//! original refunded beyond its amount keeps the negative rest and so is no charge any more; of one whose whole
//! amount came back nothing is left, whatever quantity the refunds named.

use crate::book::DAY_S;

/// One line of a visit before and after netting; hashes are of the serial numbers, 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetLine {
    /// Hash of `bkkp_sn` (interface name `feedetl_sn`).
    pub serial: u64,
    /// Hash of `init_feedetl_sn`, 0 where it is missing.
    pub original: u64,
    /// Which item; equal numbers are equal items.
    pub item: u32,
    /// Beijing seconds.
    pub time: i64,
    /// `cnt` in millionths, after netting what is left.
    pub quantity: i64,
    /// `det_item_fee_sumamt` in millionths, after netting what is left.
    pub amount: i64,
    /// The settlement of the line was cancelled, and its lines say nothing any more.
    pub cancelled: bool,
    /// What it is, set by [`net`].
    pub state: NetState,
}

/// Kinds of lines after netting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetState {
    /// A charge: rules look at it if something of it is left.
    #[default]
    Charge,
    /// A refund that was set off, or a line of a cancelled settlement: rules leave it out.
    SetOff,
    /// A refund whose original is not in the data: said aloud, never used as a charge.
    Orphan,
}

impl NetLine {
    /// A line as it was uploaded.
    #[must_use]
    pub const fn new(serial: u64, original: u64, item: u32, quantity: i64, amount: i64) -> Self {
        let (time, cancelled, state) = (0, false, NetState::Charge);
        Self { serial, original, item, time, quantity, amount, cancelled, state }
    }

    const fn is_refund(&self) -> bool {
        self.quantity < 0 || self.amount < 0
    }

    /// Takes so much of a charge back, both without sign.
    const fn give_back(&mut self, quantity: i64, amount: i64) {
        let had = self.amount > 0;
        self.quantity = self.quantity.saturating_sub(quantity);
        self.amount = self.amount.saturating_sub(amount);
        if had && self.amount <= 0 && self.quantity > 0 {
            self.quantity = 0;
        }
    }

    /// True if rules look at the line.
    #[must_use]
    pub const fn is_charge(&self) -> bool {
        matches!(self.state, NetState::Charge) && self.quantity > 0 && self.amount >= 0
    }
}

/// Nets the lines of one visit in place. Sums beyond the range of 64 bits stay at its end.
pub fn net(lines: &mut [NetLine]) {
    let mut pending: Vec<NetLine> = Vec::new();
    for line in lines.iter_mut() {
        if line.cancelled {
            (line.quantity, line.amount, line.state) = (0, 0, NetState::SetOff);
        } else if line.is_refund() {
            line.state = NetState::Orphan;
            pending.push(*line);
        }
    }
    if pending.is_empty() {
        return;
    }
    // Lines come in their order; so refunds and charges of one time stay in it.
    pending.sort_by_key(|r| r.time);
    for refund in pending {
        let named = refund.original != 0 && refund.original != refund.serial;
        let done = if named { by_serial(lines, &refund) } else { by_item(lines, &refund) };
        if done {
            let own = |l: &&mut NetLine| l.state == NetState::Orphan && l.serial == refund.serial;
            if let Some(line) = lines.iter_mut().find(own) {
                line.state = NetState::SetOff;
            }
        }
    }
}

fn by_serial(lines: &mut [NetLine], refund: &NetLine) -> bool {
    let original = |l: &&mut NetLine| l.serial == refund.original && l.state == NetState::Charge;
    let Some(charge) = lines.iter_mut().find(original) else { return false };
    charge.give_back(refund.quantity.saturating_abs(), refund.amount.saturating_abs());
    true
}

/// The last second that a refund may reach: its own, or of one that is known to the day only (midnight), the day's.
const fn reach(time: i64) -> i64 {
    if time.rem_euclid(DAY_S) == 0 { time.saturating_add(DAY_S - 1) } else { time }
}

/// Latest charge first; several charges may be needed. All or nothing.
fn by_item(lines: &mut [NetLine], refund: &NetLine) -> bool {
    let until = reach(refund.time);
    let mut places: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, l)| l.is_charge() && l.item == refund.item && l.time <= until)
        .map(|(n, _)| n)
        .collect();
    places.sort_by_key(|n| lines.get(*n).map(|l| (l.time, *n)));
    let mut quantity = refund.quantity.saturating_abs();
    let mut amount = refund.amount.saturating_abs();
    let held = |f: fn(&NetLine) -> i64| {
        let each = places.iter().filter_map(|n| lines.get(*n)).map(f);
        each.fold(0_i64, i64::saturating_add)
    };
    if held(|l| l.quantity) < quantity || held(|l| l.amount) < amount {
        return false;
    }
    for n in places.into_iter().rev() {
        let Some(line) = lines.get_mut(n) else { continue };
        let (q, a) = (quantity.min(line.quantity), amount.min(line.amount));
        line.give_back(q, a);
        quantity = quantity.saturating_sub(q);
        amount = amount.saturating_sub(a);
        if quantity <= 0 && amount <= 0 {
            break;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{NetLine, NetState, net};

    /// Lines as (serial, original, item, quantity, amount) in yuan and pieces.
    fn netted(lines: &[(u64, u64, u32, i64, i64)]) -> Vec<NetLine> {
        let mut lines: Vec<NetLine> = lines
            .iter()
            .enumerate()
            .map(|(n, l)| {
                let time = i64::try_from(n).unwrap() + 3_600;
                NetLine { time, ..NetLine::new(l.0, l.1, l.2, l.3 * 1_000_000, l.4 * 1_000_000) }
            })
            .collect();
        net(&mut lines);
        lines
    }

    fn left(line: &NetLine) -> (i64, i64) {
        (line.quantity / 1_000_000, line.amount / 1_000_000)
    }

    #[test]
    fn a_partial_refund_leaves_the_rest() {
        let l = netted(&[(1, 0, 7, 3, 30), (2, 1, 7, -1, -10)]);
        assert_eq!(left(&l[0]), (2, 20));
        assert!(l[0].is_charge());
        assert_eq!(l[1].state, NetState::SetOff);
    }

    #[test]
    fn a_full_refund_leaves_no_charge() {
        let l = netted(&[(1, 0, 7, 1, 10), (2, 1, 7, -1, -10)]);
        assert!(!l[0].is_charge());
    }

    /// Houses that sign only one of the two numbers, or leave the quantity out, with a pointer and without one.
    #[test]
    fn a_refund_is_one_whichever_of_its_numbers_is_signed() {
        for original in [1, 0] {
            for (quantity, amount) in [(-1, -10), (1, -10), (-1, 10), (0, -10)] {
                let l = netted(&[(1, 0, 7, 1, 10), (2, original, 7, quantity, amount)]);
                assert_eq!(left(&l[0]), (0, 0), "{quantity} {amount}");
                assert!(!l[0].is_charge());
                assert_eq!(l[1].state, NetState::SetOff);
            }
            for (quantity, amount) in [(-1, -10), (1, -10), (-1, 10)] {
                let l = netted(&[(1, 0, 7, 3, 30), (2, original, 7, quantity, amount)]);
                assert_eq!(left(&l[0]), (2, 20), "{quantity} {amount}");
            }
            // Only money comes back: how many pieces stay is as it was, until nothing is left to pay.
            let l = netted(&[(1, 0, 7, 3, 30), (2, original, 7, 0, -10)]);
            assert_eq!(left(&l[0]), (3, 20));
            let back = [(2, original, 7, 0, -20), (3, original, 7, -1, -10)];
            for order in [[0, 1], [1, 0]] {
                let l = netted(&[(1, 0, 7, 3, 30), back[order[0]], back[order[1]]]);
                assert_eq!(left(&l[0]), (0, 0));
            }
        }
    }

    #[test]
    fn a_refund_whose_named_original_is_missing_is_told_and_touches_nothing() {
        let l = netted(&[(2, 1, 7, -1, -10), (5, 0, 7, 1, 10)]);
        assert_eq!(l[0].state, NetState::Orphan);
        assert_eq!(left(&l[1]), (1, 10));
    }

    #[test]
    fn a_double_scan_taken_back_without_a_pointer_meets_the_latest_charge_of_its_item() {
        let l = netted(&[(1, 0, 7, 1, 10), (2, 0, 7, 1, 10), (3, 0, 8, 1, 10), (4, 0, 7, -1, -10)]);
        assert_eq!(left(&l[0]), (1, 10));
        assert_eq!(left(&l[1]), (0, 0));
        assert_eq!(left(&l[2]), (1, 10));
        assert_eq!(l[3].state, NetState::SetOff);
    }

    #[test]
    fn a_refund_without_pointer_never_meets_another_item_or_a_later_charge() {
        let l = netted(&[(1, 0, 8, 1, 10), (2, 0, 7, -1, -10), (3, 0, 7, 1, 10)]);
        assert_eq!(l[1].state, NetState::Orphan);
        assert_eq!((left(&l[0]), left(&l[2])), ((1, 10), (1, 10)));
    }

    /// claims.md §1: a time of midnight is a day without its hour; the refund of a day meets the charges of that day.
    #[test]
    fn a_refund_known_to_the_day_meets_a_charge_of_the_same_day() {
        let day = 86_400 * 20_000;
        for (refunded, left_of_it) in [(day, 0), (day + 60, 10), (day - 86_400, 10)] {
            let mut l = [
                NetLine::new(1, 0, 7, 1_000_000, 10_000_000),
                NetLine::new(2, 0, 7, -1_000_000, -10_000_000),
            ];
            (l[0].time, l[1].time) = (day + 9 * 3_600, refunded);
            net(&mut l);
            assert_eq!(left(&l[0]).1, left_of_it, "{refunded}");
        }
    }

    #[test]
    fn a_cancelled_settlement_leaves_nothing() {
        let mut l = [NetLine::new(1, 0, 7, 1_000_000, 10_000_000)];
        l[0].cancelled = true;
        net(&mut l);
        assert!(!l[0].is_charge());
        assert_eq!(l[0].state, NetState::SetOff);
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let a = netted(&[(1, 0, 7, 2, 20), (2, 1, 7, -1, -10), (3, 1, 7, -1, -10)]);
        let b = netted(&[(3, 1, 7, -1, -10), (2, 1, 7, -1, -10), (1, 0, 7, 2, 20)]);
        assert_eq!(left(&a[0]), left(&b[2]));
        assert!(!a[0].is_charge());
    }
}
