//! P12: a random key in the encrypted package, beside plain SQLite with the same tables.
//!
//! The plain file is the decrypted export of the package, read by the same library without a key and with the same
//! cache of 8 MiB, so the ratio is what the encryption costs. Cold: keys over the whole file, which is at least
//! ten times larger than the cache. Warm: keys whose pages the cache holds.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::data::{self, Made, Scale};
use crate::measure::{Dice, child, median, number};
use crate::report::{Met, Report, Row};

const LINE: &str = "SELECT bkkp_sn, mdtrt_id, med_list_codg, fee_ocur_time, cnt, det_item_fee_sumamt FROM fee_list_d WHERE rowid = ?1";
const VISIT: &str = "SELECT m.psn_no, m.begntime, m.endtime, m.adm_bed FROM dict d JOIN mdtrt_d m ON m.mdtrt_id = d.id WHERE d.text = ?1";
/// Both sides in turn; the median of the rounds counts.
const ROUNDS: usize = 9;
/// Lookups of one run.
const COLD: usize = 20_000;
const WARM: usize = 400_000;
/// Keys of a warm run: their pages fit the cache many times.
const KEPT: usize = 300;

/// The package without encryption, made once.
pub(crate) fn export(folder: &Path) -> Result<()> {
    let file = folder.join("plain-package.db");
    if file.exists() {
        return Ok(());
    }
    let part = folder.join("plain-package.part");
    let _ = std::fs::remove_file(&part);
    let (_, key) = data::manifest(folder)?;
    let key: String = key.iter().map(|b| format!("{b:02x}")).collect();
    let db = Connection::open(&part)?;
    db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    // An attached file is opened with the defaults of the library: those are made the package's.
    db.execute_batch("PRAGMA cipher_default_hmac_algorithm = HMAC_SHA256")?;
    let from = folder.join("package/claims.db").display().to_string();
    db.execute("ATTACH DATABASE ?1 AS package KEY ?2", (from, format!("x'{key}'")))?;
    db.query_row("SELECT sqlcipher_export('main', 'package')", [], |_| Ok(()))?;
    db.execute_batch("DETACH DATABASE package")?;
    drop(db);
    std::fs::rename(part, file)?;
    Ok(())
}

fn unlocked(folder: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file = format!("file:{}?mode=ro&immutable=1", folder.join("plain-package.db").display());
    let db = Connection::open_with_flags(file, flags)?;
    db.execute_batch(
        "PRAGMA temp_store = MEMORY; PRAGMA query_only = ON; PRAGMA cache_size = -8192",
    )?;
    Ok(db)
}

/// Seconds a lookup of `keys` in turn.
fn timed<K: rusqlite::ToSql>(db: &Connection, sql: &str, keys: &[K], count: usize) -> Result<f64> {
    let mut find = db.prepare(sql)?;
    let mut seen = 0_i64;
    let begun = Instant::now();
    for key in keys.iter().cycle().take(count) {
        let found: i64 = find.query_row([key], |r| r.get(1).or(Ok(1)))?;
        seen = seen.wrapping_add(found);
    }
    ensure!(seen != 0, "nothing was found");
    Ok(begun.elapsed().as_secs_f64() / count as f64)
}

/// Child: `FOLDER`.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let folder = Path::new(arguments.first().context("FOLDER")?);
    export(folder)?;
    let (mut lines, mut visits) = (Vec::new(), Vec::new());
    {
        let db = unlocked(folder)?;
        let most: i64 = db.query_row("SELECT MAX(rowid) FROM fee_list_d", [], |r| r.get(0))?;
        let stays: i64 = db.query_row("SELECT MAX(rowid) FROM mdtrt_d", [], |r| r.get(0))?;
        let mut dice = Dice::new(12);
        let mut number = db.prepare(
            "SELECT d.text FROM mdtrt_d m JOIN dict d ON d.id = m.mdtrt_id WHERE m.rowid = ?1",
        )?;
        for _ in 0..COLD {
            lines.push(1 + dice.below(most as usize) as i64);
            let row = 1 + dice.below(stays as usize) as i64;
            visits.push(number.query_row([row], |r| r.get::<_, String>(0))?);
        }
    }
    // SQLCipher gives it as text, SQLite as a number.
    let pages = |db: &Connection| -> rusqlite::Result<String> {
        db.query_row("SELECT CAST(page_size AS TEXT) FROM pragma_page_size", [], |r| r.get(0))
            .or_else(|_| db.query_row("PRAGMA cipher_page_size", [], |r| r.get(0)))
    };
    let mut times: [Vec<f64>; 8] = Default::default();
    let mut sizes = (String::new(), String::new());
    for _ in 0..ROUNDS {
        for (side, times) in times.chunks_mut(4).enumerate() {
            let open =
                || -> Result<(Option<spotcheck_claims::PackageReader>, Option<Connection>)> {
                    Ok(if side == 0 {
                        (Some(data::open(folder)?), None)
                    } else {
                        (None, Some(unlocked(folder)?))
                    })
                };
            for (at, (lines, visits, count)) in [
                (lines.as_slice(), visits.as_slice(), COLD),
                (&lines[..KEPT], &visits[..KEPT], WARM),
            ]
            .into_iter()
            .enumerate()
            {
                for what in 0..2 {
                    let (ours, plain) = open()?;
                    let db =
                        ours.as_ref().map(|r| r.db()).or(plain.as_ref()).context("no database")?;
                    if side == 0 {
                        sizes.0 = pages(db)?
                    } else {
                        sizes.1 = pages(db)?
                    }
                    if at == 1 {
                        // Their pages come into the cache.
                        if what == 0 {
                            timed(db, LINE, lines, KEPT)?
                        } else {
                            timed(db, VISIT, visits, KEPT)?
                        };
                    }
                    let took = if what == 0 {
                        timed(db, LINE, lines, count)?
                    } else {
                        timed(db, VISIT, visits, count)?
                    };
                    times[at * 2 + what].push(took);
                }
            }
        }
    }
    let of = |n: usize| median(&times[n]);
    // Each round has both sides right after each other: what the machine does else lies on both.
    let ratio = |n: usize| {
        let pairs = times[n].iter().zip(&times[n + 4]);
        median(&pairs.map(|(ours, theirs)| ours / theirs).collect::<Vec<f64>>())
    };
    Ok(json!({
        "bytes": std::fs::metadata(folder.join("package/claims.db"))?.len(),
        "page": sizes.0,
        "plain_page": sizes.1,
        "ours": [of(0), of(1), of(2), of(3)],
        "theirs": [of(4), of(5), of(6), of(7)],
        "ratio": [ratio(0), ratio(1), ratio(2), ratio(3)],
    }))
}

pub(crate) fn measure(report: &mut Report, scale: Scale) -> Result<()> {
    let made: Made = data::planted(scale.lines())?;
    let said = child("lookup", &[&made.name()])?;
    let size = number(&said, "bytes")? / 1e6;
    let cells = [
        ("fee line by row, cold", 3.0),
        ("visit by its number, cold", 3.0),
        ("fee line by row, warm", 1.2),
        ("visit by its number, warm", 1.2),
    ];
    for (n, (what, budget)) in cells.into_iter().enumerate() {
        let ours = said["ours"][n].as_f64().context("ours")?;
        let theirs = said["theirs"][n].as_f64().context("theirs")?;
        let ratio = said["ratio"][n].as_f64().context("ratio")?;
        let what = format!(
            "{what}, package of {size:.0} MB, cache 8 MiB, pages of {} (plain {})",
            said["page"], said["plain_page"]
        );
        let micro = |s: f64| format!("{:.1} µs", s * 1e6);
        let met = Met::of(ratio <= budget);
        let row = Row::alone("P12", what, micro(ours), format!("≤ {budget} ×"), met);
        report.row(row.beside(micro(theirs), ratio));
    }
    Ok(())
}
