//! Rules that officers composed on site and that came with a received bundle: what the centre is offered.
//!
//! Nothing of an offer is in force. It is read out of the bundle every time, so that what is listed is what was signed,
//! and written out as the one file that `rulepack check`, `sign` and `add` take. A bundle that was not received, or that
//! another has taken the place of, offers nothing: nobody vouches for it.

use std::collections::BTreeSet;

use serde::Serialize;
use spotcheck_domain::{OfficerId, Trouble};
use spotcheck_evidence::draft::{DRAFT_PATH, RuleDraft};
use spotcheck_evidence::record::{RECORD_PATH, Record, RelationKind};
use spotcheck_wire::bundles::BundleState;

use crate::bundles::payload;
use crate::centre::Centre;
use crate::rulepacks::{self, PackFolder};
use crate::{Error, Result};

/// One rule of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferedRule {
    /// Its id.
    pub id: String,
    /// As the officer named it.
    pub name: String,
    /// What it finds, in one sentence.
    pub logic: String,
}

/// The composed rules of one bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// The bundle that brought them.
    pub bundle: String,
    /// Its task.
    pub task: String,
    /// The handheld that signed them.
    pub device: String,
    /// Who composed them.
    pub officers: Vec<OfficerId>,
    /// RFC 3339: when they were sealed.
    pub made: String,
    /// RFC 3339: when the bundle was received.
    pub received: Option<String>,
    /// Name of the pack that they would be.
    pub pack: Option<String>,
    /// The rules; none where the pack does not read.
    pub rules: Vec<OfferedRule>,
    /// A pack of this name is in force.
    pub in_force: bool,
    /// Why it does not read over the packs in force, if so.
    pub trouble: Option<String>,
}

/// A draft as it lies in a received bundle.
fn draft_of(centre: &Centre, bundle: &str) -> Result<Option<Vec<u8>>> {
    match centre.repo().bundle(bundle)? {
        Some(row) if row.state == BundleState::Received => {
            payload(centre, &row.announcement, DRAFT_PATH)
        }
        _ => Ok(None),
    }
}

/// Bundles that a received one has taken the place of.
fn replaced(centre: &Centre, received: &[String]) -> Result<BTreeSet<String>> {
    let mut gone = BTreeSet::new();
    for bundle in received {
        let Some(row) = centre.repo().bundle(bundle)? else { continue };
        let Some(bytes) = payload(centre, &row.announcement, RECORD_PATH)? else { continue };
        let Ok(record) = Record::parse(&bytes) else { continue };
        let takes = record.relations.iter().filter(|r| r.kind == RelationKind::Supersedes);
        gone.extend(takes.map(|r| r.bundle.to_string()));
    }
    Ok(gone)
}

/// What is offered, newest bundle first.
///
/// # Errors
/// Those of the database.
pub fn offers(centre: &Centre) -> Result<Vec<Offer>> {
    let all = centre.repo().bundles()?;
    let received: Vec<_> = all.into_iter().filter(|b| b.state == BundleState::Received).collect();
    let ids: Vec<String> = received.iter().map(|b| b.bundle.clone()).collect();
    let gone = replaced(centre, &ids)?;
    let base = rulepacks::in_force(centre)?;
    let names: BTreeSet<String> =
        centre.repo().rule_packs()?.into_iter().map(|row| row.name).collect();
    let mut list = Vec::new();
    for b in received.into_iter().filter(|b| !gone.contains(&b.bundle)) {
        let Some(bytes) = draft_of(centre, &b.bundle)? else { continue };
        let mut offer = Offer {
            bundle: b.bundle,
            task: b.task,
            device: b.device,
            officers: Vec::new(),
            made: String::new(),
            received: b.finished,
            pack: None,
            rules: Vec::new(),
            in_force: false,
            trouble: None,
        };
        match RuleDraft::parse(&bytes) {
            Ok(draft) => {
                offer.officers.clone_from(&draft.officers);
                offer.made.clone_from(&draft.made);
                match PackFolder::from_draft(draft).over(&base) {
                    Ok(pack) => {
                        let own = spotcheck_rules::changed_rules(&base, &pack);
                        let rules = pack.rules.iter().filter(|r| own.contains(&r.id));
                        offer.rules = rules
                            .map(|r| OfferedRule {
                                id: r.id.clone(),
                                name: r.name.clone(),
                                logic: r.official.logic.clone(),
                            })
                            .collect();
                    }
                    Err(error) => offer.trouble = Some(Trouble::from(error).message),
                }
            }
            Err(error) => offer.trouble = Some(error.to_string()),
        }
        if let Ok(name) = draft_name(&bytes) {
            offer.in_force = names.contains(&name);
            offer.pack = Some(name);
        }
        list.push(offer);
    }
    Ok(list)
}

/// Name of the pack in a draft.
fn draft_name(bytes: &[u8]) -> Result<String> {
    let draft = RuleDraft::parse(bytes).map_err(|e| Error::Certificate(e.to_string()))?;
    rulepacks::name_of(&PackFolder::from_draft(draft))
}

/// The draft file of a bundle, byte for byte as it was sealed.
///
/// # Errors
/// No such bundle was received, or it brought no rules.
pub fn draft_file(centre: &Centre, bundle: &str) -> Result<Vec<u8>> {
    let none = Error::NotFound { what: "offered rules", zh: "交来的自编规则" };
    draft_of(centre, bundle)?.ok_or(none)
}
