//! `rejects`: the rows that an import could not read, by place and reason, or as CSV to be mended.
//!
//! Place and reason say nothing of anybody. The rows themselves are as secret as the claims: they are written only to a
//! file that is asked for, its owner's only, and the act is recorded.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::json;
use spotcheck_claims::RejectsDb;
use spotcheck_domain::Trouble;

use super::args::Rejects;
use super::out::Output;
use super::{Context, Result};
use crate::centre::Centre;
use crate::objects::sha256_hex;
use crate::{Error, claims};

pub(super) fn rejects(context: &Context, args: &Rejects) -> Result<Output> {
    let centre = context.open()?;
    let (import, kept) = claims::rejects(&centre, args.import.as_deref())?;
    if let (Some(table), Some(path)) = (&args.table, &args.to) {
        return write(&centre, &kept, (&import, table), path);
    }
    let counts = kept.counts().map_err(Trouble::from)?;
    let places = kept.places(args.limit).map_err(Trouble::from)?;
    let mut text = String::new();
    if counts.is_empty() {
        let _ = writeln!(text, "这次导入没有拒收的行({import})");
    }
    for (table, n) in &counts {
        let _ = writeln!(text, "{table}：拒收 {n} 行");
    }
    for p in &places {
        let column = if p.column.is_empty() { "整行" } else { &p.column };
        let _ = writeln!(text, "  {} 第 {} 行  {column}：{}", p.file, p.line, p.reason);
    }
    let counts: serde_json::Map<String, serde_json::Value> =
        counts.into_iter().map(|(table, n)| (table, n.into())).collect();
    Ok(Output::new("rejects", json!({ "import": import, "tables": counts, "rows": places }), text))
}

fn write(
    centre: &Centre,
    kept: &RejectsDb,
    (import, table): (&str, &str),
    path: &Path,
) -> Result<Output> {
    let known = kept.counts().map_err(Trouble::from)?.iter().any(|(t, _)| t == table);
    if !known {
        return Err(Error::NotFound { what: "table", zh: "数据表的拒收行" });
    }
    if path.exists() {
        return Err(Error::refused(
            "CENTRE-TARGET-EXISTS",
            "目标文件已存在，不会覆盖。",
            "请换一个文件名。",
        ));
    }
    let mut bytes = Vec::new();
    let rows = kept.export_csv(table, &mut bytes).map_err(Trouble::from)?;
    let what = "write the rejects";
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(Error::io(what))?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(Error::io(what))?;
    let sha256 = sha256_hex(&bytes);
    centre.record_act("rejects-exported", &sha256)?;
    let text = format!("已写出 {rows} 行，前三列为行号、列和原因，改好后可直接导入");
    let body =
        json!({ "import": import, "table": table, "file": path, "rows": rows, "sha256": sha256 });
    Ok(Output::new("rejects-export", body, text))
}
