//! Which rules are in force for a task: the national pack and what the package brings above it.
//!
//! One place for the rules that run, the list of them, and the indicators: a region that changes a threshold or
//! adds an indicator changes all three at once.

use spotcheck_domain::claims::ClaimsReader;
use spotcheck_domain::{TaskId, TroubleResult};
use spotcheck_rules::{Pack, Silence, national};

use crate::handheld::Handheld;

/// The national pack and those of the package in their order. One that this program cannot read keeps nobody
/// from the others: it is told with what was not judged.
pub(crate) fn in_force(reader: &dyn ClaimsReader) -> TroubleResult<(Pack, Vec<Silence>)> {
    let mut pack = national()?;
    let mut unreadable = Vec::new();
    for packed in reader.rule_packs()? {
        let files: Vec<(&str, &[u8])> =
            packed.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        match Pack::read(&files, Some(&pack)) {
            Ok(over) => pack = over,
            Err(why) => {
                let reason = format!("规则包 {} 读不懂：{why}", packed.name);
                unreadable.push(Silence { rule: packed.name, reason, count: 1 });
            }
        }
    }
    Ok((pack, unreadable))
}

impl Handheld {
    pub(crate) fn do_rules_in_force(
        &mut self,
        task: &TaskId,
    ) -> TroubleResult<(Pack, Vec<Silence>)> {
        in_force(self.reader(task)?)
    }
}
