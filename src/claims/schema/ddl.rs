//! SQLite tables made from the contract: plain text in partitions, dictionary-coded in packages.
//!
//! Partitions keep text, so that one file is readable alone. Packages replace every repeated text by an
//! integer of table `dict`: 12 M fee lines with 20-character visit, settlement and person numbers would
//! not fit the size budget otherwise, and integers compare faster. `v_<table>` views give the text back;
//! SQLite leaves out the joins of columns that a query does not name.

use std::fmt::Write as _;

use super::{Entity, Kind};

fn column_type(kind: Kind, coded: bool) -> &'static str {
    match kind {
        Kind::Time | Kind::Money | Kind::Quantity | Kind::Int => "INTEGER",
        k if coded && k.is_coded() => "INTEGER",
        _ => "TEXT",
    }
}

fn table_ddl(entity: &Entity, coded: bool) -> String {
    let mut sql = format!("CREATE TABLE {} (\n", entity.name);
    for column in entity.columns {
        let null = if column.required { " NOT NULL" } else { "" };
        let _ = writeln!(sql, "  {} {}{null},", column.name, column_type(column.kind, coded));
        if column.kind == Kind::Time {
            let _ = writeln!(sql, "  {}_p TEXT,", column.name);
        }
    }
    sql.push_str("  dup_no INTEGER NOT NULL DEFAULT 0\n) STRICT;\n");
    sql
}

/// Table of an entity in a partition file. Its unique index, built after loading, is on the key and
/// `dup_no`: 0 for the first row of a key, 1, 2 … for further rows that one export gave the same key.
#[must_use]
pub fn partition_ddl(entity: &Entity) -> (String, String) {
    let index = format!(
        "CREATE UNIQUE INDEX {0}_key ON {0} ({1}, dup_no);\n",
        entity.name,
        entity.key.join(", ")
    );
    (table_ddl(entity, false), index)
}

/// Table and indexes of an entity in a package. Indexes are built after loading.
#[must_use]
pub fn package_ddl(entity: &Entity) -> (String, String) {
    let mut indexes = String::new();
    for (n, columns) in entity.indexes.iter().enumerate() {
        let _ = writeln!(
            indexes,
            "CREATE INDEX {0}_{n} ON {0} ({1});",
            entity.name,
            columns.join(", ")
        );
    }
    (table_ddl(entity, true), indexes)
}

/// View `v_<entity>` of a package with all texts decoded, columns as in the contract.
#[must_use]
pub fn view_ddl(entity: &Entity) -> String {
    let (mut select, mut joins) = (Vec::new(), String::new());
    for (n, column) in entity.columns.iter().enumerate() {
        let name = column.name;
        if column.kind.is_coded() {
            select.push(format!("d{n}.text AS {name}"));
            let _ = write!(joins, " LEFT JOIN dict d{n} ON d{n}.id = t.{name}");
        } else {
            select.push(format!("t.{name} AS {name}"));
        }
        if column.kind == Kind::Time {
            select.push(format!("t.{name}_p AS {name}_p"));
        }
    }
    format!(
        "CREATE VIEW v_{0} AS SELECT {1}, t.dup_no AS dup_no FROM {0} t{joins};\n",
        entity.name,
        select.join(", ")
    )
}
