//! Counting: one tally per term, period and key.

use std::collections::{HashMap, HashSet};

/// What was counted under one key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Rows, sum, or number of different values.
    pub(crate) value: i128,
    /// Rows counted.
    pub(crate) rows: u64,
    /// Rows that could not be judged, because something of them was not uploaded.
    pub(crate) missing: u64,
    seen: HashSet<u64>,
    /// By the key that is ranked inside this one.
    pub(crate) ranked: HashMap<u32, i128>,
}

impl Tally {
    pub(crate) fn add(&mut self, amount: i128, of: Option<u32>) {
        self.rows = self.rows.saturating_add(1);
        self.value = self.value.saturating_add(amount);
        if let Some(key) = of {
            let own = self.ranked.entry(key).or_default();
            *own = own.saturating_add(amount);
        }
    }

    pub(crate) fn see(&mut self, value: u64) {
        self.rows = self.rows.saturating_add(1);
        if self.seen.insert(value) {
            self.value = self.value.saturating_add(1);
        }
    }

    pub(crate) fn miss(&mut self) {
        self.missing = self.missing.saturating_add(1);
    }
}

/// One term over one period: all, and each key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tallies {
    pub(crate) all: Tally,
    parts: Vec<Tally>,
}

impl Tallies {
    /// Applies one act to the total and, where figures are broken down, to the part of `key`.
    pub(crate) fn each(&mut self, key: Option<usize>, mut act: impl FnMut(&mut Tally)) {
        act(&mut self.all);
        let Some(key) = key else { return };
        if self.parts.len() <= key {
            self.parts.resize(key.saturating_add(1), Tally::default());
        }
        if let Some(part) = self.parts.get_mut(key) {
            act(part);
        }
    }

    /// The part of a key, if any row had it.
    pub(crate) fn part(&self, key: usize) -> Option<&Tally> {
        self.parts.get(key)
    }
}
