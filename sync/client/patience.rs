//! How often and how long the client tries: jittered exponential backoff, and limits for waiting.
//!
//! Two hundred handhelds come back into the network at the same time in the evening; without jitter they
//! would also come back together after every hiccup of the centre. The numbers are values, so that tests
//! run the same code without waiting.

use std::time::Duration;

use spotcheck_domain::Entropy;

/// Limits of waiting and trying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// Upper limit of the first wait, milliseconds; doubles with each further try.
    pub base_ms: u64,
    /// Upper limit of every wait, milliseconds.
    pub cap_ms: u64,
    /// Tries in a row without any progress before giving up for now.
    pub tries: u32,
    /// Milliseconds for the TCP and TLS connection.
    pub connect_ms: u64,
    /// Milliseconds that sent bytes may stay unacknowledged before a connection counts as dead.
    pub dead_ms: u64,
    /// Milliseconds until an answer begins, and between two pieces of it. Long, because on a slow link the
    /// smallest upload part alone takes minutes.
    pub silence_ms: u64,
    /// Milliseconds between two questions for a receipt.
    pub poll_ms: u64,
    /// Questions for a receipt before the bundle counts as sent, not yet receipted.
    pub polls: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            base_ms: 500,
            cap_ms: 20_000,
            tries: 5,
            connect_ms: 10_000,
            dead_ms: 45_000,
            silence_ms: 180_000,
            poll_ms: 1_000,
            polls: 30,
        }
    }
}

impl Patience {
    /// The same limits with waits of a millisecond, for tests.
    #[must_use]
    pub fn hurried() -> Self {
        Self { base_ms: 1, cap_ms: 2, poll_ms: 1, ..Self::default() }
    }

    /// Wait before try number `attempt` (from 1): between half and all of the doubled limit.
    #[must_use]
    pub fn wait(&self, attempt: u32, entropy: &dyn Entropy) -> Duration {
        let doubled = self.base_ms.saturating_mul(1_u64 << attempt.saturating_sub(1).min(20));
        let limit = doubled.min(self.cap_ms);
        let mut random = [0_u8; 8];
        entropy.fill(&mut random);
        let half = limit.div_euclid(2);
        let spread = u64::from_le_bytes(random).checked_rem(half.saturating_add(1)).unwrap_or(0);
        Duration::from_millis(limit.saturating_sub(half).saturating_add(spread))
    }
}

#[cfg(test)]
mod tests {
    use spotcheck_domain::SeededEntropy;

    use super::*;

    #[test]
    fn waits_grow_within_their_limits_and_differ() {
        let patience = Patience::default();
        let entropy = SeededEntropy::new(7);
        let mut seen = std::collections::BTreeSet::new();
        for attempt in 1..=64 {
            let wait = patience.wait(attempt, &entropy).as_millis();
            assert!((250..=20_000).contains(&wait), "{attempt}: {wait}");
            seen.insert(wait);
        }
        assert!(seen.len() > 50, "jitter");
    }
}
