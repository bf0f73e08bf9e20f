//! K0: refunds are set off against the lines they refund, before any rule looks.
//!
//! A refund is a line of negative quantity or amount. It points to its original by `init_feedetl_sn`, which
//! is unique inside one visit only (dictionary: 唯一性提醒), so lines are matched by (visit, serial number).
//! Nothing is dropped: a refund whose original is not in the data is told as such, never guessed away, and
//! an original that is refunded beyond its amount keeps the negative rest, because that is a fact of the
//! facility's own lines.

use std::collections::BTreeMap;

use spotcheck_domain::Amount;

/// Columns of fee lines, all of one length.
#[derive(Debug, Clone, Copy)]
pub struct LineBatch<'a> {
    /// `mdtrt_id`, coded.
    pub visit: &'a [u32],
    /// `bkkp_sn` (interface name `feedetl_sn`).
    pub serial: &'a [&'a str],
    /// `init_feedetl_sn`; empty where the line is no refund of another.
    pub original: &'a [&'a str],
    /// `cnt`.
    pub quantity: &'a [Amount],
    /// `det_item_fee_sumamt`.
    pub amount: &'a [Amount],
}

/// What is left of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    /// Quantity after refunds.
    pub quantity: Amount,
    /// Amount after refunds.
    pub amount: Amount,
    /// What kind of line it is.
    pub state: NetState,
}

/// Kinds of lines after netting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetState {
    /// A charge: rules look at it if its quantity is above zero.
    Charge,
    /// A refund that was set off against its original: rules leave it out.
    SetOff,
    /// A refund whose original is not in the data: said aloud, never used as a charge.
    Orphan,
}

/// Why a batch cannot be netted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NettingError {
    /// Columns of different lengths.
    #[error("columns of different lengths")]
    Shape,
    /// A sum beyond the range of [`Amount`].
    #[error("sum out of range")]
    Range,
}

/// Nets a batch; the result has one entry per line, in order.
///
/// # Errors
/// [`NettingError`].
pub fn net(batch: LineBatch<'_>) -> Result<Vec<Net>, NettingError> {
    let rows = batch.visit.len();
    let lengths =
        [batch.serial.len(), batch.original.len(), batch.quantity.len(), batch.amount.len()];
    if lengths.iter().any(|length| *length != rows) {
        return Err(NettingError::Shape);
    }
    let columns = || {
        let money = batch.quantity.iter().zip(batch.amount);
        batch.visit.iter().zip(batch.serial).zip(batch.original).zip(money).enumerate()
    };
    let mut places = BTreeMap::new();
    for (row, (((visit, serial), original), _)) in columns() {
        if original.is_empty() {
            places.insert((*visit, *serial), row);
        }
    }
    let mut result: Vec<Net> = columns()
        .map(|(_, ((_, original), (quantity, amount)))| {
            let negative = *quantity < Amount::ZERO || *amount < Amount::ZERO;
            let refund = !original.is_empty() || negative;
            let state = if refund { NetState::Orphan } else { NetState::Charge };
            Net { quantity: *quantity, amount: *amount, state }
        })
        .collect();
    for (row, (((visit, _), original), (quantity, amount))) in columns() {
        if original.is_empty() {
            continue;
        }
        let Some(at) = places.get(&(*visit, *original)) else { continue };
        if let Some(charge) = result.get_mut(*at) {
            charge.quantity = charge.quantity.checked_add(*quantity).ok_or(NettingError::Range)?;
            charge.amount = charge.amount.checked_add(*amount).ok_or(NettingError::Range)?;
        }
        if let Some(refund) = result.get_mut(row) {
            refund.state = NetState::SetOff;
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]
    use super::*;

    fn yuan(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    /// Lines as (visit, serial, original, quantity, amount).
    fn netted(lines: &[(u32, &str, &str, &str, &str)]) -> Vec<Net> {
        let visit: Vec<_> = lines.iter().map(|l| l.0).collect();
        let serial: Vec<_> = lines.iter().map(|l| l.1).collect();
        let original: Vec<_> = lines.iter().map(|l| l.2).collect();
        let quantity: Vec<_> = lines.iter().map(|l| yuan(l.3)).collect();
        let amount: Vec<_> = lines.iter().map(|l| yuan(l.4)).collect();
        net(LineBatch {
            visit: &visit,
            serial: &serial,
            original: &original,
            quantity: &quantity,
            amount: &amount,
        })
        .unwrap()
    }

    #[test]
    fn a_partial_refund_leaves_the_rest() {
        let net = netted(&[(1, "1", "", "3", "30"), (1, "2", "1", "-1", "-10")]);
        assert_eq!((net[0].quantity, net[0].amount), (yuan("2"), yuan("20")));
        assert_eq!(net[0].state, NetState::Charge);
        assert_eq!(net[1].state, NetState::SetOff);
    }

    #[test]
    fn serial_numbers_of_two_visits_are_not_mixed_up() {
        let net =
            netted(&[(1, "1", "", "1", "10"), (2, "1", "", "1", "10"), (2, "2", "1", "-1", "-10")]);
        assert_eq!(net[0].quantity, yuan("1"));
        assert_eq!(net[1].quantity, Amount::ZERO);
    }

    #[test]
    fn a_refund_without_its_original_is_told_and_never_a_charge() {
        let net = netted(&[(1, "2", "1", "-1", "-10"), (1, "3", "", "-1", "-5")]);
        assert_eq!(net[0].state, NetState::Orphan);
        assert_eq!(net[1].state, NetState::Orphan);
    }

    #[test]
    fn columns_of_different_lengths_are_refused() {
        let batch =
            LineBatch { visit: &[1], serial: &[], original: &[], quantity: &[], amount: &[] };
        assert_eq!(net(batch), Err(NettingError::Shape));
    }
}
