//! The import contract as data: every entity, its file, its key and its columns (claims.md §1).
//!
//! One static table drives reading, checking, partitions, packages and views, so that a column exists in
//! all of them or in none. Names are those of the national platform (research: dictionary.md); the few
//! local ones are those of claims.md. Since the package format is fixed from the first release on, *all*
//! entities are here, also those that no screen shows yet.

mod clinical;
mod core;
mod ddl;
mod stock;

pub use ddl::{package_ddl, partition_ddl, view_ddl};

/// What a column holds, and so how it is checked and stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Identifier or code that other tables repeat: always text, dictionary-coded in packages.
    Id,
    /// Identifier that is (nearly) unique per row: always text, stored as it is.
    Serial,
    /// Value of a code table; a shorter all-digit value is padded with zeros to this width (0: never).
    Code(u8),
    /// Name that many rows repeat: dictionary-coded in packages.
    Name,
    /// Free text, stored as it is.
    Text,
    /// Beijing seconds with a precision companion `…_p`.
    Time,
    /// Yuan in millionths; its sum is reported.
    Money,
    /// A quantity in millionths.
    Quantity,
    /// A whole number.
    Int,
    /// Trace codes in any of the three shapes seen in the field, stored as `a,b,c`.
    TraceCodes,
}

impl Kind {
    /// True if packages store an id of table `dict` instead of the text.
    #[must_use]
    pub const fn is_coded(self) -> bool {
        matches!(self, Self::Id | Self::Code(_) | Self::Name)
    }
}

/// One column of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// National field name, lower case.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// A row without it cannot be used.
    pub required: bool,
}

/// Whose the rows of an entity are, and so in which partition they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A facility's: by the row's own `fixmedins_code`, else that of its visit `mdtrt_id`, its settlement
    /// `setl_id` or its device `equip_no`, else the facility that the import was told.
    Facility,
    /// Nobody's: persons, insurance periods, registrations, price list.
    Region,
}

/// How rows of an entity are chosen for a package with a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// All rows of the facility.
    All,
    /// By the interval of two time columns; an open end means still running.
    Interval(&'static str, &'static str),
    /// By one time column; rows without a time are taken.
    At(&'static str),
    /// Rows of chosen visits.
    Visit,
    /// Rows of chosen settlements.
    Settlement,
    /// Rows of persons with a chosen visit.
    Person,
    /// All rows of the region.
    Region,
}

/// One table of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Entity {
    /// Table and file name without extension.
    pub name: &'static str,
    /// Chinese name for reports.
    pub zh: &'static str,
    /// Columns that identify a row.
    pub key: &'static [&'static str],
    /// All columns in storage order.
    pub columns: &'static [Column],
    /// Other names under which a column appears, lower case → contract name.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Where the rows lie.
    pub scope: Scope,
    /// Which rows go into a package.
    pub pick: Pick,
    /// The time column whose newest value is the cut-off where no upload time is exported.
    pub cutoff: Option<&'static str>,
    /// An import without it is refused.
    pub mandatory: bool,
    /// Columns of indexes in the package, each a list.
    pub indexes: &'static [&'static [&'static str]],
}

impl Entity {
    /// Position of a column by its contract name.
    #[must_use]
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }

    /// The column under its contract name or an alias; `header` in any case.
    #[must_use]
    pub fn resolve(&self, header: &str) -> Option<usize> {
        let header = header.to_lowercase();
        self.position(&header).or_else(|| {
            let (_, name) = self.aliases.iter().find(|(alias, _)| *alias == header)?;
            self.position(name)
        })
    }

    /// The columns of the key by position, in key order.
    pub fn key_positions(&self) -> impl Iterator<Item = usize> + '_ {
        self.key.iter().filter_map(|name| self.position(name))
    }

    /// Names of the money columns.
    pub fn money_columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().filter(|c| c.kind == Kind::Money).map(|c| c.name)
    }
}

/// The entity that lies in one partition per month.
pub const MONTHLY: &str = "fee_list_d";

/// Optional upload time of a row in any table: only the cut-off is made of it.
pub const UPLOAD_TIME: &[&str] = &["updt_time", "upld_time", "crte_time"];

/// All entities in the order in which they are read: what others refer to comes first.
pub const ENTITIES: &[&Entity] = &[
    &core::FIXMEDINS_B,
    &core::DEPT,
    &core::STAFF,
    &core::PSN,
    &core::INSU,
    &core::MDTRT_D,
    &core::DIAG,
    &core::SETL_D,
    &core::FEE_LIST_D,
    &clinical::DRORD,
    &clinical::EXEC,
    &clinical::LEAVE,
    &core::OPSP_REG,
    &stock::INV_CHECK,
    &stock::INV_CHANGE,
    &stock::INV_PURCHASE,
    &stock::INV_PURCHASE_RETURN,
    &stock::INV_SALE,
    &stock::INV_SALE_RETURN,
    &stock::TRACE,
    &stock::EQUIP,
    &stock::EQUIP_LOG,
    &core::GRP,
    &clinical::SETL_LIST,
    &clinical::OPRN,
    &clinical::LAB,
    &clinical::EXAM,
    &clinical::VITAL,
    &clinical::RX,
    &clinical::NOTE,
    &clinical::REMIND,
    &clinical::SELFPAY,
    &core::FAC_UNIT,
    &core::BUDGET,
    &core::HIST,
    &core::CATALOGUE,
];

/// The entity of a table or file name (without extension), in any case.
#[must_use]
pub fn entity(name: &str) -> Option<&'static Entity> {
    let name = name.to_lowercase();
    ENTITIES.iter().copied().find(|e| e.name == name)
}

pub(crate) const fn col(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: false }
}

pub(crate) const fn must(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: true }
}

#[cfg(test)]
mod tests {
    use super::{ENTITIES, Kind, Pick, entity};
    use std::collections::BTreeSet;

    #[test]
    fn the_table_of_tables_is_consistent() {
        let mut names = BTreeSet::new();
        for entity in ENTITIES {
            assert!(names.insert(entity.name), "{} twice", entity.name);
            assert!(!entity.key.is_empty());
            assert_eq!(entity.key_positions().count(), entity.key.len(), "{}", entity.name);
            let columns: BTreeSet<_> = entity.columns.iter().map(|c| c.name).collect();
            assert_eq!(columns.len(), entity.columns.len(), "{}", entity.name);
            for (alias, name) in entity.aliases {
                assert!(columns.contains(name), "{}: {name}", entity.name);
                assert!(!columns.contains(alias), "{}: {alias}", entity.name);
            }
            let times = match entity.pick {
                Pick::Interval(a, b) => vec![a, b],
                Pick::At(a) => vec![a],
                _ => vec![],
            };
            for time in times.into_iter().chain(entity.cutoff) {
                let at = entity.position(time).unwrap_or_else(|| panic!("{}: {time}", entity.name));
                assert_eq!(entity.columns[at].kind, Kind::Time, "{}: {time}", entity.name);
            }
            for column in entity.indexes.iter().copied().flatten() {
                assert!(columns.contains(column), "{}: index {column}", entity.name);
            }
        }
        assert_eq!(ENTITIES.len(), 36, "claims.md §1 names 36 files");
    }

    #[test]
    fn both_sets_of_names_are_known() {
        let fee = entity("FEE_LIST_D").expect("entity");
        assert_eq!(fee.resolve("FEEDETL_SN"), fee.position("bkkp_sn"));
        assert_eq!(fee.resolve("bilg_dr_codg"), fee.position("bilg_dr_code"));
        assert_eq!(fee.resolve("orders_dr_code"), fee.position("acord_dr_code"));
        let setl = entity("setl_d").expect("entity");
        assert_eq!(setl.resolve("psn_part_amt"), setl.position("psn_pay"));
        assert_eq!(setl.resolve("dise_codg"), setl.position("dise_no"));
    }
}
