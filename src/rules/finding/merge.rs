//! Findings of the centre and of the handheld put together: the same fact once.
//!
//! The centre's are there when the package is opened; the handheld's own run knows the same lines and, on
//! site, may know more. So its own word counts, and what only the centre saw stays.

use std::collections::BTreeSet;

use spotcheck_domain::words;

use super::Finding;

words!(
    /// Who found it.
    Origin {
        /// 中心.
        Centre = "centre", "中心发现";
        /// 本机.
        Device = "device", "本机发现";
        /// 中心与本机.
        Both = "both", "中心与本机均发现";
    }
);

/// A finding and who found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// See [`Finding::key`].
    pub key: String,
    /// The handheld's own where it has one.
    pub finding: Finding,
    /// Who found it.
    pub origin: Origin,
}

/// Puts findings of the centre and of the device together by [`Finding::key`]; the device's words and amounts
/// count. In the order in which they are shown: see [`super::rank`].
#[must_use]
pub fn merge(centre: Vec<Finding>, device: Vec<Finding>) -> Vec<Merged> {
    let there: BTreeSet<String> = centre.iter().map(Finding::key).collect();
    let mut here = BTreeSet::new();
    let mut merged: Vec<Merged> = Vec::with_capacity(device.len());
    for finding in device {
        let key = finding.key();
        here.insert(key.clone());
        let origin = if there.contains(&key) { Origin::Both } else { Origin::Device };
        merged.push(Merged { key, finding, origin });
    }
    merged.extend(centre.into_iter().filter_map(|finding| {
        let key = finding.key();
        let known = here.contains(&key);
        (!known).then_some(Merged { key, finding, origin: Origin::Centre })
    }));
    merged.sort_by(|a, b| super::order(&a.finding, &b.finding));
    merged.sort_by_key(|m| {
        let f = &m.finding;
        super::rank_key(f.principal, f.weight, f.grade, f.amount, 0)
    });
    merged
}
