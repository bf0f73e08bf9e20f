//! What the fuzz targets share: a folder in memory-like storage, a workbook around one sheet, a centre.

use std::io::Write as _;
use std::path::Path;

use spotcheck_claims::cell::Cell;
use spotcheck_claims::source::{Source, TableSink};
use spotcheck_claims::{
    ClaimsKey, DirPartitionStore, ImportRequest, ImportTools, MappingLimits, Reject, import_dir,
};
use spotcheck_domain::{ManualClock, SeededEntropy};

/// Readers of others may panic where the product catches it (`claims::source::guarded`); what escapes still
/// ends the run.
pub fn quiet() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
}

/// Takes everything, keeps nothing, and counts the rows.
#[derive(Default)]
struct Nowhere {
    rows: u64,
}

impl TableSink for Nowhere {
    fn header(&mut self, _part: Option<&str>, _names: &[String]) -> spotcheck_claims::Result<bool> {
        Ok(true)
    }
    fn row(&mut self, _line: u64, cells: &[Cell<'_>]) -> spotcheck_claims::Result<()> {
        self.rows = self.rows.saturating_add(1);
        for cell in cells {
            let text = cell.as_text();
            let text = text.as_deref().unwrap_or_default();
            let _ = spotcheck_claims::cell::time(text);
        }
        Ok(())
    }
    fn broken(&mut self, _l: u64, _c: &[String], _r: &str) -> spotcheck_claims::Result<()> {
        Ok(())
    }
}

/// The other mandatory tables of an export: what a line may refer to.
const BESIDE: [(&str, &str); 3] = [
    ("fixmedins_b.csv", "fixmedins_code,fixmedins_name\nH1,示例医院\n"),
    (
        "mdtrt_d.csv",
        "mdtrt_id,psn_no,fixmedins_code,med_type,begntime,endtime\n\
         V1,P1,H1,21,2026-01-05 08:00:00,2026-01-20 10:00:00\n",
    ),
    (
        "setl_d.csv",
        "setl_id,mdtrt_id,psn_no,fixmedins_code,setl_time,medfee_sumamt\n\
         S1,V1,P1,H1,2026-01-20 10:30:00,100.10\n",
    ),
];

/// Reads a file of this name as the importer reads its sources; what holds rows is imported and checked as the
/// fee lines of a small export.
pub fn read_source(name: &str, bytes: &[u8]) {
    quiet();
    let Ok(dir) = tempfile::tempdir() else { return };
    if std::fs::write(dir.path().join(name), bytes).is_err() {
        return;
    }
    let Ok(mut source) = Source::open(dir.path()) else { return };
    let mut sink = Nowhere::default();
    for file in source.files().to_vec() {
        let _ = source.read(&file, None, &mut sink);
    }
    if sink.rows > 0
        && BESIDE.iter().all(|(name, text)| std::fs::write(dir.path().join(name), text).is_ok())
    {
        import(dir.path(), None);
    }
}

/// A whole import of a folder, checked only.
pub fn import(from: &Path, mapping: Option<&Path>) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let Ok(store) = DirPartitionStore::open(&dir.path().join("partitions")) else { return };
    let clock = ManualClock::at_ms(1_795_138_200_000);
    let (master, mut rejects) = (ClaimsKey::new([7; 32]), Vec::<Reject>::new());
    let work = dir.path().join("work");
    let request = ImportRequest {
        from,
        mapping,
        facility: Some("H1"),
        check: true,
        work: &work,
        limits: MappingLimits {
            time: std::time::Duration::from_secs(2),
            memory: 1 << 30,
            rows: 10_000,
        },
    };
    let mut tools = ImportTools {
        store: &store,
        master: &master,
        rejects: &mut rejects,
        clock: &clock,
        entropy: &SeededEntropy::new(1),
        progress: None,
    };
    let _ = import_dir(&request, &mut tools);
}

/// A workbook with one sheet around this XML.
#[must_use]
pub fn workbook(sheet: &[u8], strings: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let parts: [(&str, &[u8]); 6] = [
        ("_rels/.rels", br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#),
        ("[Content_Types].xml", br#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#),
        ("xl/workbook.xml", br#"<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>"#),
        ("xl/_rels/workbook.xml.rels", br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#),
        ("xl/sharedStrings.xml", strings),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    for (name, bytes) in parts {
        if zip.start_file(name, stored).is_err() || zip.write_all(bytes).is_err() {
            return Vec::new();
        }
    }
    zip.finish().map(std::io::Cursor::into_inner).unwrap_or_default()
}

/// The bytes of a workbook: as given, or sheet and shared texts (cut at the first zero byte) in a good one.
#[must_use]
pub fn as_workbook(data: &[u8]) -> Vec<u8> {
    match data.split_first() {
        Some((b'S', rest)) => {
            let cut = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
            let (sheet, strings) = rest.split_at(cut);
            workbook(sheet, strings.get(1..).unwrap_or_default())
        }
        _ => data.to_vec(),
    }
}
