//! What a mapping's SQL may do, and for how long.
//!
//! SQLite's heap limit is global to the process, and a centre may be serving beside an import; so memory is
//! watched from the progress handler through the process's own resident size, together with SQLite's limits
//! per connection. All sorting happens in memory (`temp_store=MEMORY`), so nothing can be spilled in clear.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;

use super::MappingLimits;

/// Functions of SQLite that a mapping may call, besides our own. An allow-list: the SQLCipher build has
/// functions that write files or change keys.
const FUNCTIONS: &[&str] = &[
    "abs",
    "avg",
    "cast",
    "ceil",
    "ceiling",
    "changes",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "current_date",
    "date",
    "datetime",
    "dense_rank",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "if",
    "instr",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pow",
    "power",
    "printf",
    "quote",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "time",
    "timediff",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unicode",
    "unhex",
    "unixepoch",
    "unlikely",
    "upper",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_extract",
    "json_object",
    "json_tree",
    "json_type",
    "json_valid",
    "->",
    "->>",
    "to_time",
    "gend",
    "money",
    "sha_id",
    "lookup",
    "dsum",
];

const NONE: u8 = 0;
const TIME: u8 = 1;
const MEMORY: u8 = 2;

/// Says afterwards why a query was stopped.
#[derive(Debug, Clone)]
pub(crate) struct Watch(Arc<AtomicU8>);

impl Watch {
    /// SQLite's message, or the limit that was hit.
    pub(crate) fn explain(&self, error: &rusqlite::Error) -> String {
        match self.0.load(Ordering::Relaxed) {
            TIME => "超过时间限制".to_owned(),
            MEMORY => "超过内存限制".to_owned(),
            _ => error.to_string(),
        }
    }
}

fn allowed(context: &AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Read { table_name, .. } => {
            let table = table_name.to_lowercase();
            !table.starts_with("sqlite_") && !table.starts_with("pragma_") && table != "dbstat"
        }
        AuthAction::Function { function_name } => {
            FUNCTIONS.contains(&function_name.to_lowercase().as_str())
        }
        _ => false,
    }
}

/// Resident size of this process in bytes, where the system tells.
fn resident() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else { return 0 };
    let pages = text.split(' ').nth(1).and_then(|p| p.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(4096)
}

/// Puts authorizer, limits and watch on a connection.
pub(super) fn install(db: &mut Connection, limits: &MappingLimits) -> rusqlite::Result<Watch> {
    let set = [
        (Limit::SQLITE_LIMIT_LENGTH, 64 << 20),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
        (Limit::SQLITE_LIMIT_COLUMN, 2000),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 500),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 200),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ];
    for (limit, value) in set {
        db.set_limit(limit, value)?;
    }
    db.authorizer(Some(|context: AuthContext<'_>| {
        if allowed(&context) { Authorization::Allow } else { Authorization::Deny }
    }))?;
    let why = Arc::new(AtomicU8::new(NONE));
    let (seen, begun, most_time) = (Arc::clone(&why), Instant::now(), limits.time);
    let most_memory = resident().saturating_add(limits.memory);
    let mut calls = 0_u64;
    db.progress_handler(
        10_000,
        Some(move || {
            calls = calls.wrapping_add(1);
            if begun.elapsed() > most_time {
                seen.store(TIME, Ordering::Relaxed);
                return true;
            }
            if calls.is_multiple_of(16) && resident() > most_memory {
                seen.store(MEMORY, Ordering::Relaxed);
                return true;
            }
            false
        }),
    )?;
    Ok(Watch(why))
}

/// Refuses a text with a second statement behind the first: `prepare` would not see it.
pub(super) fn single_select(sql: &str) -> Result<(), &'static str> {
    let mut chars = sql.chars().peekable();
    let mut ended = false;
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' | '`' => {
                if ended {
                    return Err("只允许一个 SELECT");
                }
                for inner in chars.by_ref() {
                    if inner == c {
                        break;
                    }
                }
            }
            '[' if !ended => {
                for inner in chars.by_ref() {
                    if inner == ']' {
                        break;
                    }
                }
            }
            '-' if chars.peek() == Some(&'-') => {
                for inner in chars.by_ref() {
                    if inner == '\n' {
                        break;
                    }
                }
            }
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                for inner in chars.by_ref().skip(1) {
                    if last == '*' && inner == '/' {
                        break;
                    }
                    last = inner;
                }
            }
            ';' => ended = true,
            c if c.is_whitespace() => {}
            _ if ended => return Err("只允许一个 SELECT"),
            _ => {}
        }
    }
    Ok(())
}
