//! One partition file: writing it, reading it in key order, hashing its content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ring::{digest, hmac};
use rusqlite::{Connection, Statement, ToSql};
use spotcheck_domain::claims::Instant;
use spotcheck_domain::{Amount, BeijingTime, Precision};

use super::{PartitionKey, PartitionRef, PartitionStore, TableStats};
use crate::cipher::{self, ClaimsKey};
use crate::error::{Error, Result};
use crate::schema::{Entity, Kind, partition_ddl};
use crate::value::{Row, Value};

/// Schema of partition files.
const SCHEMA: &str = "spotcheck-partition/1";
const CACHE_KIB: u32 = 16 * 1024;

/// Keyed sum over rows: order does not matter, a repeated row counts twice.
pub(crate) struct ContentHash {
    key: hmac::Key,
    sum: [u8; 32],
}

impl ContentHash {
    pub(crate) fn new(master: &ClaimsKey, partition: &PartitionKey) -> Result<Self> {
        let id = format!("{}\u{1f}{}", partition.facility, partition.month);
        let key = master.derive("content", &id)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), sum: [0; 32] })
    }

    pub(crate) fn add(&mut self, entity: &Entity, row_bytes: &[u8]) {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(entity.name.as_bytes());
        context.update(b"\x1f");
        context.update(row_bytes);
        let mut carry = 0_u16;
        for (own, tag) in self.sum.iter_mut().zip(context.sign().as_ref()) {
            let total = u16::from(*own).wrapping_add(u16::from(*tag)).wrapping_add(carry);
            let [low, high] = total.to_le_bytes();
            *own = low;
            carry = u16::from(high);
        }
    }

    pub(crate) fn name(&self) -> String {
        hex::encode(hmac::sign(&self.key, &self.sum))
    }
}

/// `INSERT INTO t VALUES (?,…)` for a row with its time companions and `dup_no`.
pub(crate) fn insert_sql(entity: &Entity) -> String {
    let times = entity.columns.iter().filter(|c| c.kind == Kind::Time).count();
    let cells = entity.columns.len().saturating_add(times).saturating_add(1);
    format!("INSERT INTO {} VALUES ({})", entity.name, vec!["?"; cells].join(","))
}

/// Binds one row and its `dup_no` in the order of [`insert_sql`].
pub(crate) fn bind_row(
    statement: &mut Statement<'_>,
    entity: &Entity,
    row: &[Value],
    dup_no: i64,
) -> rusqlite::Result<()> {
    let mut n = 0_usize;
    let mut bind = |value: &dyn ToSql| {
        n = n.saturating_add(1);
        statement.raw_bind_parameter(n, value)
    };
    for (column, value) in entity.columns.iter().zip(row) {
        match value {
            Value::Null => {
                bind(&rusqlite::types::Null)?;
                if column.kind == Kind::Time {
                    bind(&rusqlite::types::Null)?;
                }
            }
            Value::Int(i) => bind(i)?,
            Value::Text(text) => bind(text)?,
            Value::Time(time) => {
                bind(&time.at.seconds())?;
                bind(&time.p.letter())?;
            }
        }
    }
    bind(&dup_no)
}

/// Reads the contract columns of a row that was selected with `SELECT *`; also `dup_no`.
pub(crate) fn read_row(entity: &Entity, row: &rusqlite::Row<'_>) -> rusqlite::Result<(Row, i64)> {
    let mut values = Vec::with_capacity(entity.columns.len());
    let mut n = 0_usize;
    for column in entity.columns {
        let value = match column.kind {
            Kind::Time => {
                let at: Option<i64> = row.get(n)?;
                n = n.saturating_add(1);
                let letter: Option<String> = row.get(n)?;
                at.map_or(Value::Null, |at| {
                    let p = letter.as_deref().and_then(Precision::from_letter);
                    let p = p.unwrap_or(Precision::Day);
                    Value::Time(Instant { at: BeijingTime::from_seconds(at), p })
                })
            }
            Kind::Money | Kind::Quantity | Kind::Int => {
                row.get::<_, Option<i64>>(n)?.map_or(Value::Null, Value::Int)
            }
            _ => row.get::<_, Option<String>>(n)?.map_or(Value::Null, Value::Text),
        };
        values.push(value);
        n = n.saturating_add(1);
    }
    Ok((values, row.get(n)?))
}

/// Receives rows with their `dup_no`.
pub(crate) type RowSink<'a> = dyn FnMut(&[Value], i64) -> Result<()> + 'a;

/// Writes a new partition. Rows of one entity must come in key order.
pub(crate) struct PartitionWriter {
    db: Connection,
    path: PathBuf,
    key: PartitionKey,
    name: String,
    tables: BTreeMap<String, TableStats>,
}

impl PartitionWriter {
    /// Creates the file in `folder`; `name` is the content hash of the rows that will come.
    pub(crate) fn create(
        folder: &Path,
        key: &PartitionKey,
        name: &str,
        master: &ClaimsKey,
    ) -> Result<Self> {
        let path = folder.join(format!("{name}.part"));
        // What an interrupted run left behind has this name too and is of no use.
        if path.exists() {
            std::fs::remove_file(&path).map_err(Error::io("old part file"))?;
        }
        let db = cipher::create(&path, &master.derive("partition", name)?, CACHE_KIB)?;
        db.execute_batch(
            "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT; BEGIN;",
        )
        .map_err(Error::sql("partition"))?;
        let meta = [
            ("schema", SCHEMA),
            ("facility", key.facility.as_str()),
            ("month", key.month.as_str()),
        ];
        for (name, value) in meta {
            db.execute("INSERT INTO meta VALUES (?1, ?2)", [name, value])
                .map_err(Error::sql("partition"))?;
        }
        Ok(Self { db, path, key: key.clone(), name: name.to_owned(), tables: BTreeMap::new() })
    }

    /// Writes all rows of one entity: `rows` hands them to the sink.
    pub(crate) fn table(
        &mut self,
        entity: &'static Entity,
        cutoff: Option<Instant>,
        rows: impl FnOnce(&mut RowSink<'_>) -> Result<()>,
    ) -> Result<()> {
        let (table, index) = partition_ddl(entity);
        let sql = Error::sql;
        self.db.execute_batch(&table).map_err(sql(entity.name))?;
        let mut stats = TableStats { cutoff, ..TableStats::default() };
        {
            let mut insert = self.db.prepare(&insert_sql(entity)).map_err(sql(entity.name))?;
            rows(&mut |row, dup_no| {
                bind_row(&mut insert, entity, row, dup_no).map_err(sql(entity.name))?;
                insert.raw_execute().map_err(sql(entity.name))?;
                count(&mut stats, entity, row)
            })?;
        }
        self.db.execute_batch(&index).map_err(sql(entity.name))?;
        self.tables.insert(entity.name.to_owned(), stats);
        Ok(())
    }

    /// Closes the file, hands it to the store and returns its catalogue entry (not yet current).
    pub(crate) fn finish(self, store: &dyn PartitionStore) -> Result<PartitionRef> {
        let Self { db, path, key, name, tables } = self;
        db.execute_batch("COMMIT;").map_err(Error::sql("partition"))?;
        cipher::finish(db, &path)?;
        let (size, sha256) = sha256_of_file(&path)?;
        let partition = PartitionRef { key, name, size, sha256, tables };
        store.put(&partition, &path).map_err(Error::Port)?;
        Ok(partition)
    }
}

/// Counts a row into its table's figures (without cut-off).
pub(crate) fn count(stats: &mut TableStats, entity: &Entity, row: &[Value]) -> Result<()> {
    stats.rows = stats.rows.saturating_add(1);
    for (column, value) in entity.columns.iter().zip(row) {
        if column.kind != Kind::Money {
            continue;
        }
        if let Value::Int(n) = value {
            let sum = match stats.sums.get_mut(column.name) {
                Some(sum) => sum,
                None => stats.sums.entry(column.name.to_owned()).or_default(),
            };
            *sum = sum
                .checked_add(Amount::from_millionths(*n))
                .ok_or_else(|| Error::Internal(format!("sum of {} overflows", column.name)))?;
        }
    }
    Ok(())
}

/// Size and SHA-256 (hex) of a file, read once in blocks.
pub(crate) fn sha256_of_file(path: &Path) -> Result<(u64, String)> {
    use std::io::Read as _;
    let what = cipher::file_name(path);
    let mut file = std::fs::File::open(path).map_err(Error::io(what.clone()))?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut block = vec![0_u8; 1 << 16];
    let mut size = 0_u64;
    loop {
        let n = file.read(&mut block).map_err(Error::io(what.clone()))?;
        if n == 0 {
            return Ok((size, hex::encode(context.finish())));
        }
        context.update(block.get(..n).unwrap_or_default());
        size = size.saturating_add(u64::try_from(n).unwrap_or(0));
    }
}

/// An open partition, read-only.
#[derive(Debug)]
pub struct PartitionReader {
    db: Connection,
    partition: PartitionRef,
}

impl PartitionReader {
    /// Opens a partition of the store.
    ///
    /// # Errors
    /// The file is missing, or the key or schema is another one.
    pub fn open(
        store: &dyn PartitionStore,
        partition: &PartitionRef,
        master: &ClaimsKey,
    ) -> Result<Self> {
        let path = store.local(partition).map_err(Error::Port)?;
        let key = master.derive("partition", &partition.name)?;
        let db = cipher::open_immutable(&path, &key, CACHE_KIB)?;
        let schema: String = db
            .query_row("SELECT value FROM meta WHERE name = 'schema'", [], |r| r.get(0))
            .map_err(|e| Error::Partition {
                name: partition.name.clone(),
                reason: e.to_string(),
            })?;
        if schema == SCHEMA {
            Ok(Self { db, partition: partition.clone() })
        } else {
            Err(Error::Schema { found: schema, wanted: SCHEMA.to_owned() })
        }
    }

    /// The catalogue entry.
    #[must_use]
    pub const fn partition(&self) -> &PartitionRef {
        &self.partition
    }

    /// The database, read-only: tables as in the contract, text as it is, times with `…_p`.
    #[must_use]
    pub const fn db(&self) -> &Connection {
        &self.db
    }

    /// True if the partition has this table.
    #[must_use]
    pub fn has(&self, entity: &Entity) -> bool {
        self.partition.tables.contains_key(entity.name)
    }

    /// Hands every row of an entity with its `dup_no` to `sink`, in key order.
    ///
    /// # Errors
    /// The database, or what `sink` returns.
    pub fn each(
        &self,
        entity: &Entity,
        mut sink: impl FnMut(Row, i64) -> Result<()>,
    ) -> Result<()> {
        if !self.has(entity) {
            return Ok(());
        }
        let sql = Error::sql;
        let mut statement = self.select(entity)?;
        let mut rows = statement.query([]).map_err(sql(entity.name))?;
        while let Some(row) = rows.next().map_err(sql(entity.name))? {
            let (row, dup_no) = read_row(entity, row).map_err(sql(entity.name))?;
            sink(row, dup_no)?;
        }
        Ok(())
    }

    /// All rows by rowid, which is key order because they were written so.
    pub(crate) fn select(&self, entity: &Entity) -> Result<Statement<'_>> {
        self.db
            .prepare(&format!("SELECT * FROM {} ORDER BY rowid", entity.name))
            .map_err(Error::sql(entity.name))
    }
}
