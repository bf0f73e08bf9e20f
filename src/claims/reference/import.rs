//! Reading reference data from files: policy texts, and tables of items, drugs, codes, cases.
//!
//! As with claims, the importer accepts and reports and never guesses silently: what it could not read is
//! rejected with line and reason, what it understood from the words of a text (dates, repeals) is said, and
//! what it did not find is said as well, so that a clerk can add it.

mod head;
mod table;
mod text;

#[cfg(test)]
pub(super) mod tests;

use ring::digest::{SHA256, digest};
use spotcheck_domain::reference::day_text;
pub use spotcheck_domain::reference::{Remark, SOURCE_SCHEMA, SourceOptions, SourceReport};

use super::Document;
use crate::error::{Error, Result};
use crate::source;

/// Largest source, bytes.
pub const MAX_SOURCE_BYTES: u64 = 512 << 20;

/// Reads one source: `.txt` and `.md` are texts, `.csv`, `.tsv`, `.xlsx`, `.xls`, `.dbf` tables.
///
/// # Errors
/// The file as a whole cannot be read. Rejected rows are no error.
pub fn read_source(
    name: &str,
    bytes: Vec<u8>,
    options: &SourceOptions,
) -> Result<(Vec<Document>, SourceReport)> {
    let fail = |reason: &str| Error::Source { file: name.to_owned(), reason: reason.to_owned() };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_SOURCE_BYTES {
        return Err(fail("超过512MB，请拆分后导入"));
    }
    let sha256 = hex::encode(digest(&SHA256, &bytes).as_ref());
    let mut report = SourceReport {
        schema: SOURCE_SCHEMA.to_owned(),
        file: name.to_owned(),
        sha256: sha256.clone(),
        ..SourceReport::default()
    };
    let extension = name.rsplit_once('.').map_or("", |(_, e)| e).to_lowercase();
    let mut documents = match extension.as_str() {
        "txt" | "md" | "markdown" => {
            let (decoded, encoding) = source::decode(&bytes, name)?;
            report.encoding = Some(encoding.name().to_owned());
            let document = text::read(&decoded, options, &mut report).ok_or_else(|| {
                fail("文本只能作为政策条文或典型案例导入；价格、目录、编码请用表格")
            })?;
            vec![document]
        }
        "csv" | "tsv" | "xlsx" | "xlsm" | "xls" | "dbf" => {
            table::read(name, bytes, options, &mut report)?
        }
        _ => return Err(fail("不认识的文件类型，可用 txt、md、csv、xlsx、xls、dbf")),
    };
    for document in &mut documents {
        name.clone_into(&mut document.source);
        document.sha256.clone_from(&sha256);
        if let (Some(begin), Some(end)) = (document.begin, document.end)
            && end < begin
        {
            return Err(fail("失效日期早于生效日期"));
        }
        for entry in &document.entries {
            let count = report.taken.entry(entry.kind.as_str().to_owned()).or_default();
            *count = count.saturating_add(1);
        }
    }
    if let Some(first) = documents.first() {
        report.title.clone_from(&first.title);
        report.number.clone_from(&first.number);
        report.begin = first.begin.map(day_text);
        report.end = first.end.map(day_text);
        report.replaces.clone_from(&first.replaces);
    }
    if report.entries() == 0 && report.rejected == 0 {
        return Err(fail("没有读出任何内容"));
    }
    Ok((documents, report))
}
