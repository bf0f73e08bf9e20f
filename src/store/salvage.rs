//! A damaged page of a case database: what can be read goes into a new file, the damaged one is kept (R27).
//!
//! SQLCipher authenticates every page, so a damaged one is found, never misread. It is looked for at every
//! opening. The journal is a chain: a database of which a line cannot be read is left alone, because going on
//! without the line would contradict what was printed and sent; so is one without its head data. Else values on
//! the damaged page are lost and are told; damage in an index or in free room costs nothing. Nothing is
//! replaced before the new file is whole and durable, and the damaged file keeps a name beside it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;
use spotcheck_app::ports::{HEAD, Key256, SALVAGED, SALVAGED_KEY};

use crate::StoreError;
use crate::db::connect;
use crate::migrations::migrate;

/// Rows that cannot be read one after the other, after which nothing more is looked for. A page holds far fewer.
const GIVE_UP: u32 = 2_000;

/// Pages whose authentication does not hold.
fn damaged_pages(connection: &Connection) -> Result<usize, rusqlite::Error> {
    let mut statement = connection.prepare("PRAGMA cipher_integrity_check")?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    Ok(rows.count())
}

/// A row by its number, on a connection that survives a damaged page.
struct Reader<'a> {
    path: &'a Path,
    key: &'a Key256,
    connection: Option<Connection>,
}

impl Reader<'_> {
    fn row<T>(
        &mut self,
        sql: &str,
        number: i64,
        take: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, rusqlite::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            // After a page that does not authenticate a connection may refuse the good ones too.
            None => connect(self.path, self.key)?,
        };
        let found = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([number], |row| take(row)).optional());
        if found.is_ok() {
            self.connection = Some(connection);
        }
        found
    }
}

/// Rows from 1 on; the second part is the number of those that could not be read.
fn rows<T>(
    reader: &mut Reader<'_>,
    sql: &str,
    last: Option<i64>,
    take: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> (Vec<(i64, T)>, u32) {
    let (mut found, mut lost, mut since, mut number) = (Vec::new(), 0_u32, 0_u32, 0_i64);
    loop {
        number = number.saturating_add(1);
        if last.is_some_and(|last| number > last) {
            return (found, lost.saturating_add(since));
        }
        match reader.row(sql, number, &take) {
            Ok(Some(row)) => {
                found.push((number, row));
                lost = lost.saturating_add(since);
                since = 0;
                continue;
            }
            // Numbers of a journal have no gap: this is its end.
            Ok(None) if last.is_none() => return (found, lost.saturating_add(since)),
            Ok(None) => continue,
            Err(_) => since = since.saturating_add(1),
        }
        if since >= GIVE_UP {
            return (found, lost.saturating_add(since));
        }
    }
}

/// Looks for damaged pages and makes a new file of the rest. `Ok(())` also where nothing was damaged.
///
/// # Errors
/// [`StoreError::Damaged`] where a line of the journal, or the database as such, cannot be read; the new file
/// cannot be written. Then nothing was changed.
pub(crate) fn salvage(path: &Path, key: &Key256) -> Result<(), StoreError> {
    let connection = connect(path, key).map_err(StoreError::Open)?;
    if damaged_pages(&connection)? == 0 {
        return Ok(());
    }
    // A page that was torn by a power cut while the log was merged is whole in the log.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let pages = damaged_pages(&connection)?;
    if pages == 0 {
        return Ok(());
    }
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|_| StoreError::Damaged(pages))?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let last = number("SELECT seq FROM sqlite_sequence WHERE name = 'value'")
        .or_else(|_| number("SELECT max(id) FROM value"))
        .map_err(|_| StoreError::Damaged(pages))?;
    drop(connection);
    let mut reader = Reader { path, key, connection: None };
    let line = |row: &rusqlite::Row<'_>| row.get::<_, Vec<u8>>(0);
    let (lines, lost_lines) =
        rows(&mut reader, "SELECT line FROM journal WHERE seq = ?1", None, line);
    if lost_lines > 0 || lines.is_empty() || version < 1 {
        return Err(StoreError::Damaged(pages));
    }
    let value = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(String, String, String)> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    };
    let sql = "SELECT kind, key, json FROM value WHERE id = ?1";
    let (values, lost_values) = rows(&mut reader, sql, Some(last), value);
    drop(reader);
    // Without its head data nobody could go on with it.
    if !values.iter().any(|(_, (kind, _, _))| kind == HEAD) {
        return Err(StoreError::Damaged(pages));
    }

    let fresh = sibling(path, "new");
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(sibling(path, &format!("new{suffix}")));
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?.sync_all()?;
    let kept = (1_u32..1_000)
        .map(|n| sibling(path, &format!("damaged-{n}")))
        .find(|kept| !kept.exists())
        .ok_or(StoreError::Damaged(pages))?;
    let name = kept.file_name().unwrap_or_default().to_string_lossy().into_owned();
    {
        let mut connection = connect(&fresh, key)?;
        migrate(&mut connection, &fresh)?;
        let transaction = connection.transaction()?;
        for (seq, line) in &lines {
            transaction
                .execute("INSERT INTO journal (seq, line) VALUES (?1, ?2)", params![seq, line])?;
        }
        for (id, (kind, key, json)) in &values {
            transaction.execute(
                "INSERT INTO value (id, kind, key, json) VALUES (?1, ?2, ?3, ?4)",
                params![id, kind, key, json],
            )?;
        }
        let told =
            json!({ "pages": pages, "lost_values": lost_values, "kept": name, "told": false });
        transaction.execute(
            "INSERT INTO value (kind, key, json) VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, key) DO UPDATE SET json = excluded.json",
            params![SALVAGED, SALVAGED_KEY, told.to_string()],
        )?;
        transaction.commit()?;
        connection.close().map_err(|(_, error)| error)?;
    }
    File::open(&fresh)?.sync_all()?;
    // An old log beside the new file would be read into it.
    let log = sibling_of_log(path);
    if fs::metadata(&log).is_ok_and(|found| found.len() > 0) {
        return Err(StoreError::Damaged(pages));
    }
    let _ = fs::remove_file(&log);
    // Not every file system on a stick or card knows links.
    fs::hard_link(path, &kept).or_else(|_| {
        fs::copy(path, &kept)?;
        File::open(&kept)?.sync_all()
    })?;
    let folder = path.parent().ok_or(StoreError::Missing)?;
    File::open(folder)?.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// `case.db` → `case.db.<suffix>`.
fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}.{suffix}"))
}

fn sibling_of_log(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}-wal"))
}
