//! The rules over facilities, and what they found, kept.
//!
//! A facility is one step: its run and its findings are stored in one transaction with the state of rules and
//! data, so a run over the whole city that is cut off goes on where it was, and a second one does only what
//! has changed. What a person did at other facilities counts as data of this one: the cross-facility rules
//! speak here as they do on the handheld.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spotcheck_claims::columns::PartitionColumns;
use spotcheck_claims::partition::PartitionKey;
use spotcheck_claims::partition::REGION;
use spotcheck_claims::{ClaimsKey, Elsewhere, PartitionRef, PartitionStore, PeerStat, peer_stats};
use spotcheck_domain::{Amount, Trouble, TroubleResult};
use spotcheck_rules::{
    Error as RulesError, Finding, Options, Outcome, Pack, PackError, Silence, Watch,
    audit as run_rules,
};

use crate::centre::Centre;
use crate::claims::{CentrePartitions, master_key};
use crate::objects::sha256_hex;
use crate::repository::{AuditRow, FindingEntry};
use crate::{Error, Result};

/// Rules and claims tell their troubles themselves.
pub(crate) fn told(cause: impl Into<Trouble>) -> Error {
    Error::from(cause.into())
}

/// What a run said beside its findings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Said {
    silences: Vec<Silence>,
    refused: Vec<PackError>,
}

/// A facility's run that counts.
#[derive(Debug)]
pub struct Audited {
    /// The run.
    pub row: AuditRow,
    /// It was run now; else it was up to date.
    pub fresh: bool,
}

/// The centre's partitions without those of facilities that cannot be read.
struct Readable<'a> {
    all: CentrePartitions<'a>,
    without: BTreeSet<String>,
}

impl PartitionStore for Readable<'_> {
    fn current(&self, key: &PartitionKey) -> TroubleResult<Option<PartitionRef>> {
        if self.without.contains(&key.facility) { Ok(None) } else { self.all.current(key) }
    }

    fn list(&self, facility: Option<&str>) -> TroubleResult<Vec<PartitionRef>> {
        let mut list = self.all.list(facility)?;
        list.retain(|p| !self.without.contains(&p.key.facility));
        Ok(list)
    }

    fn local(&self, partition: &PartitionRef) -> TroubleResult<PathBuf> {
        self.all.local(partition)
    }

    fn put(&self, partition: &PartitionRef, file: &Path) -> TroubleResult<()> {
        self.all.put(partition, file)
    }

    fn switch(&self, now: &[PartitionRef], gone: &[PartitionKey]) -> TroubleResult<()> {
        self.all.switch(now, gone)
    }
}

/// Runs one pack over facilities.
pub struct Auditor<'a> {
    centre: &'a Centre,
    pack: Pack,
    master: ClaimsKey,
    partitions: Vec<PartitionRef>,
    city_state: String,
    only: Option<String>,
    elsewhere: OnceCell<Elsewhere>,
    peers: OnceCell<Vec<PeerStat>>,
    unreadable: RefCell<BTreeSet<String>>,
}

/// Digest over the names of partitions; a name is the hash of its content.
fn state_of<'a>(partitions: impl Iterator<Item = &'a PartitionRef>) -> String {
    let mut list = String::new();
    for p in partitions {
        list.push_str(&format!("{}\u{1f}{}\u{1f}{}\n", p.key.facility, p.key.month, p.name));
    }
    sha256_hex(list.as_bytes())
}

impl<'a> Auditor<'a> {
    /// With a pack; `only` where no more than one facility will be looked at, so that less is read.
    ///
    /// # Errors
    /// Those of the database.
    pub fn new(centre: &'a Centre, pack: Pack, only: Option<&str>) -> Result<Self> {
        let partitions = CentrePartitions::new(centre).list(None)?;
        Ok(Self {
            centre,
            pack,
            master: master_key(centre)?,
            city_state: state_of(partitions.iter()),
            partitions,
            only: only.map(str::to_owned),
            elsewhere: OnceCell::new(),
            peers: OnceCell::new(),
            unreadable: RefCell::new(BTreeSet::new()),
        })
    }

    /// The pack.
    #[must_use]
    pub const fn pack(&self) -> &Pack {
        &self.pack
    }

    /// What persons did elsewhere; gathered when it is first needed.
    fn elsewhere(&self) -> Result<&Elsewhere> {
        if let Some(found) = self.elsewhere.get() {
            return Ok(found);
        }
        let work = self.centre.folder().work();
        let entropy = self.centre.entropy().as_ref();
        let only = self.only.as_deref();
        let found = self.over_readable(|store| {
            Elsewhere::gather(store, only, &work, &self.master, entropy).map_err(told)
        })?;
        Ok(self.elsewhere.get_or_init(|| found))
    }

    /// What a visit costs at facilities of one level. Figures of the day of the run: they move a little with
    /// every import anywhere and make no run outdated by themselves.
    fn peers(&self) -> Result<&[PeerStat]> {
        if let Some(found) = self.peers.get() {
            return Ok(found);
        }
        let found = self.over_readable(|store| peer_stats(store, &self.master).map_err(told))?;
        Ok(self.peers.get_or_init(|| found))
    }

    /// What is read over all facilities leaves out those that cannot be read: their damage stays their own. Who they
    /// are is found by trying each alone, and only after something failed.
    fn over_readable<T>(&self, work: impl Fn(&dyn PartitionStore) -> Result<T>) -> Result<T> {
        let store = |without| Readable { all: CentrePartitions::new(self.centre), without };
        let known = self.unreadable.borrow().clone();
        let cause = match work(&store(known.clone())) {
            Ok(done) => return Ok(done),
            Err(cause) => cause,
        };
        let all = self.partitions.iter().map(|p| p.key.facility.clone());
        let all: BTreeSet<String> = all.filter(|c| c != REGION && !known.contains(c)).collect();
        let fails = |code: &&String| {
            let others = all.iter().filter(|c| c != code).chain(&known).cloned().collect();
            work(&store(others)).is_err()
        };
        let broken: Vec<String> = all.iter().filter(fails).cloned().collect();
        if broken.is_empty() {
            return Err(cause);
        }
        tracing::warn!(count = broken.len(), "Facilities cannot be read and are left out.");
        self.unreadable.borrow_mut().extend(broken);
        let without = self.unreadable.borrow().clone();
        work(&store(without))
    }

    /// State of all partitions, and which of them were left out.
    fn city(&self) -> String {
        let unreadable = self.unreadable.borrow();
        let without: Vec<&str> = unreadable.iter().map(String::as_str).collect();
        if without.is_empty() {
            return self.city_state.clone();
        }
        sha256_hex(format!("{}\u{1f}{}", self.city_state, without.join("\u{1f}")).as_bytes())
    }

    /// Kernels are code: another version of the program may see something else.
    fn rules_state(&self) -> String {
        format!("{}/{}", self.pack.digest, env!("CARGO_PKG_VERSION"))
    }

    /// Digest of everything that a run over the facility reads.
    fn data_state(&self, code: &str) -> Result<String> {
        let own = |p: &&PartitionRef| p.key.facility == code || p.key.facility == REGION;
        let parts = state_of(self.partitions.iter().filter(own));
        let elsewhere = self.elsewhere()?.digest(code).map_err(told)?;
        Ok(sha256_hex(format!("{parts}\n{elsewhere}").as_bytes()))
    }

    /// The run that counts, if rules and data are still those it saw.
    ///
    /// # Errors
    /// Those of the database or of the claims.
    pub fn up_to_date(&self, code: &str) -> Result<Option<AuditRow>> {
        let Some(row) = self.centre.repo().audit_of(code)? else { return Ok(None) };
        if row.rules_state != self.rules_state() {
            return Ok(None);
        }
        if row.city_state == self.city() {
            return Ok(Some(row));
        }
        // Something was imported somewhere; perhaps nothing that concerns this facility.
        if row.data_state != self.data_state(code)? {
            return Ok(None);
        }
        self.centre.repo().keep_audit(&row.id, &self.city())?;
        Ok(Some(row))
    }

    /// Runs a pack over a facility and stores nothing.
    ///
    /// # Errors
    /// The claims, or the watch stopped it.
    pub fn look(
        &self,
        code: &str,
        pack: &Pack,
        options: Options<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Outcome> {
        let store = CentrePartitions::new(self.centre);
        let elsewhere = self.elsewhere()?;
        let columns = PartitionColumns::open(&store, code, &self.master)
            .and_then(|c| c.with_elsewhere(elsewhere, code))
            .map_err(told)?
            .with_peers(self.peers()?);
        let options = Options { facility: Some(code), ..options };
        run_rules(&columns, pack, options, watch).map_err(told)
    }

    /// Runs the pack over a facility unless its findings are up to date, and stores them.
    ///
    /// # Errors
    /// The claims, the database, or the watch stopped it.
    pub fn run(&self, code: &str, again: bool, watch: &mut dyn Watch) -> Result<Audited> {
        if let (false, Some(row)) = (again, self.up_to_date(code)?) {
            return Ok(Audited { row, fresh: false });
        }
        let data_state = self.data_state(code)?;
        let outcome = self.look(code, &self.pack, Options::default(), watch)?;
        let said = Said { silences: outcome.silences, refused: outcome.refused };
        let row = AuditRow {
            id: self.centre.new_id(),
            fixmedins_code: code.to_owned(),
            pack: self.pack.label(),
            rules_state: self.rules_state(),
            data_state,
            city_state: self.city(),
            at_ms: self.centre.now_ms(),
            outcome: serde_json::to_vec(&said).map_err(|_| Error::Stored("audit"))?,
        };
        let findings: Vec<FindingEntry> = outcome.findings.iter().map(entry).collect();
        self.centre.repo().put_audit(&row, &findings)?;
        self.centre.record_act("audited", &row.id)?;
        Ok(Audited { row, fresh: true })
    }
}

fn entry(finding: &Finding) -> FindingEntry {
    FindingEntry {
        key: finding.key(),
        rule: finding.rule.clone(),
        grade: finding.grade.as_str().to_owned(),
        principal: finding.principal,
        weight: finding.weight,
        amount: finding.amount.map(Amount::millionths),
        fund_amount: finding.fund_amount.map(Amount::millionths),
        body: finding.body(),
    }
}

/// The findings of a stored run.
///
/// # Errors
/// Those of the database, or a finding does not read back.
pub fn findings(centre: &Centre, row: &AuditRow) -> Result<Vec<Finding>> {
    let amount = |millionths: Option<i64>| millionths.map(Amount::from_millionths);
    let read = |f: FindingEntry| {
        let exact = (amount(f.amount), amount(f.fund_amount));
        Finding::parse(&f.body, Some(exact)).map_err(|_: RulesError| Error::Stored("finding"))
    };
    centre.repo().findings_of(&row.id)?.into_iter().map(read).collect()
}

/// A stored run as it was when it ended.
///
/// # Errors
/// Those of the database, or it does not read back.
pub fn outcome(centre: &Centre, row: &AuditRow) -> Result<Outcome> {
    let said: Said = serde_json::from_slice(&row.outcome).map_err(|_| Error::Stored("audit"))?;
    let findings = findings(centre, row)?;
    let Said { silences, refused } = said;
    Ok(Outcome { findings, silences, refused, ..Outcome::default() })
}

/// Principal findings of one light.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LightCount {
    /// Findings.
    pub findings: u64,
    /// Sum of gross amounts; lines that two rules speak of count twice.
    #[serde(serialize_with = "cents")]
    pub amount: Amount,
    /// Sum of the fund's parts, as far as they are shown.
    #[serde(serialize_with = "cents")]
    pub fund_amount: Amount,
    /// Sum of weights.
    pub weight: u64,
}

fn cents<S: serde::Serializer>(amount: &Amount, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&amount.to_cents())
}

impl LightCount {
    fn add(&mut self, other: &Self) {
        let sum = |a: Amount, b: Amount| a.checked_add(b).unwrap_or(a);
        self.findings = self.findings.saturating_add(other.findings);
        self.amount = sum(self.amount, other.amount);
        self.fund_amount = sum(self.fund_amount, other.fund_amount);
        self.weight = self.weight.saturating_add(other.weight);
    }
}

/// What the newest run says about a facility, in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The facility.
    pub fixmedins_code: String,
    /// `name@version` of the pack.
    pub pack: String,
    /// When the run ended, RFC 3339.
    pub at: String,
    /// 红.
    pub red: LightCount,
    /// 黄.
    pub yellow: LightCount,
    /// 绿.
    pub green: LightCount,
}

impl Standing {
    /// What there is to check: red and yellow.
    #[must_use]
    pub fn to_check(&self) -> LightCount {
        let mut both = self.red;
        both.add(&self.yellow);
        both
    }
}

/// Facilities with findings, the one first where most money is to be checked; equal money: by weight.
///
/// # Errors
/// Those of the database.
pub fn standings(centre: &Centre) -> Result<Vec<Standing>> {
    let mut all: Vec<Standing> = centre
        .repo()
        .audits()?
        .into_iter()
        .map(|row| Standing {
            fixmedins_code: row.fixmedins_code,
            pack: row.pack,
            at: spotcheck_domain::rfc3339(row.at_ms),
            red: LightCount::default(),
            yellow: LightCount::default(),
            green: LightCount::default(),
        })
        .collect();
    for tally in centre.repo().tallies()? {
        let own = all.iter_mut().find(|s| s.fixmedins_code == tally.fixmedins_code);
        let (Some(own), Some(grade)) = (own, tally.grade.as_deref()) else { continue };
        let light = match grade {
            "V" => &mut own.red,
            "S" => &mut own.yellow,
            _ => &mut own.green,
        };
        light.add(&LightCount {
            findings: tally.findings,
            amount: Amount::from_millionths(tally.amount),
            fund_amount: Amount::from_millionths(tally.fund_amount),
            weight: tally.weight,
        });
    }
    let order = |s: &Standing| {
        let both = s.to_check();
        let key = (both.amount, both.weight, s.green.findings);
        (std::cmp::Reverse(key), s.fixmedins_code.clone())
    };
    all.sort_by_cached_key(order);
    Ok(all)
}
