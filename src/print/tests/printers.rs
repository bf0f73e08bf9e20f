//! Printers: one nobody here wrote (Debian's `ippeveprinter`), and a false one in this process for what a
//! real one does on a bad day.
//!
//! Protects inspection.md "Printing": what arrives is what was sent, and paper out, cover open, a wrong
//! format or a machine that is gone give clear words.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "tests may panic"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ipp::attribute::IppAttribute;
use ipp::model::{DelimiterTag, IppVersion, Operation, StatusCode};
use ipp::parser::IppParser;
use ipp::reader::IppReader;
use ipp::request::IppRequestResponse;
use ipp::value::IppValue;
use spotcheck_app::ports::Printer;
use spotcheck_domain::Trouble;
use spotcheck_print::{
    Configured, Error, IppPrinter, Job, JobState, PrinterState, Printers, RasterPage,
};

const INSIDE: &str = "SPOTCHECK_TEST_SPOOL";

/// Runs this test again beside an `ippeveprinter`; true if that has been done (or cannot be).
fn outside(test: &str, formats: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return false;
    }
    let spool = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ippeve.sh");
    let run = Command::new("bash")
        .arg(script)
        .arg(spool.path())
        .arg(formats)
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, spool.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    if run.status.code() == Some(77) {
        eprintln!("SKIPPED {test}: {}", said.trim());
        return true;
    }
    for line in said.lines().filter(|l| l.starts_with("SKIPPED")) {
        eprintln!("{line}");
    }
    assert!(run.status.success(), "{}\n{said}", String::from_utf8_lossy(&run.stdout));
    true
}

fn spooled() -> Vec<PathBuf> {
    let spool = std::env::var_os(INSIDE).unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(spool).unwrap().map(|e| e.unwrap().path()).collect();
    // *.prn is what the printer's own (empty) print command wrote.
    files.retain(|f| f.extension().is_none_or(|e| e != "prn"));
    files.sort();
    files
}

fn printer_uri() -> String {
    std::env::var("SPOTCHECK_PRINTER").unwrap()
}

/// A small PDF of one page.
fn pdf() -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for object in [
        "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n",
        "2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n",
        "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>\nendobj\n",
    ] {
        offsets.push(out.len());
        out.extend_from_slice(object.as_bytes());
    }
    let table = out.len();
    out.extend_from_slice(b"xref\n0 4\n0000000000 65535 f \n");
    for offset in offsets {
        out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    out.extend_from_slice(
        format!("trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").as_bytes(),
    );
    out
}

/// A4 at `dpi`, white with a black frame and a grey wedge.
fn page(dpi: u32) -> RasterPage {
    let (width, height) = (dpi * 210 * 10 / 254, dpi * 297 * 10 / 254);
    let mut pixels = vec![255_u8; (width * height) as usize];
    for y in 0..height {
        for x in 0..width {
            let edge = x < 20 || y < 20 || x >= width - 20 || y >= height - 20;
            let wedge = (100..200).contains(&y);
            let at = (y * width + x) as usize;
            pixels[at] = if edge {
                0
            } else if wedge {
                (x % 256) as u8
            } else {
                255
            };
        }
    }
    RasterPage { width, height, dpi, pixels }
}

#[test]
fn what_arrives_at_an_ipp_everywhere_printer_is_what_was_sent() {
    if outside(
        "what_arrives_at_an_ipp_everywhere_printer_is_what_was_sent",
        "application/pdf,image/pwg-raster",
    ) {
        return;
    }
    let printer = IppPrinter::new(&printer_uri()).unwrap();
    let info = printer.attributes().unwrap();
    assert_eq!(info.state, PrinterState::Idle);
    assert_eq!(info.words(), "空闲");
    assert!(info.takes_pdf() && info.raster_resolution() == Some(300), "{info:?}");

    let sent = pdf();
    let job = printer.print_pdf(&sent, 1, "D1 v1 第1份").unwrap();
    let over = printer.wait(job, Duration::from_secs(60)).unwrap();
    assert_eq!((over.id, over.state), (job, JobState::Completed));
    let files = spooled();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(fs::read(&files[0]).unwrap(), sent);

    // The port of the use cases does the same.
    let configured = vec![
        Configured { uri: printer_uri(), name: String::new() },
        Configured { uri: "ipp://localhost:9/ipp/print".to_owned(), name: "备用".to_owned() },
    ];
    let mut printers = Printers::new(configured, None);
    let seen = printers.printers().unwrap();
    assert_eq!((seen[0].name.as_str(), seen[0].state.as_str()), ("Spotcheck Test", "空闲"));
    assert_eq!((seen[1].name.as_str(), seen[1].state.as_str()), ("备用", "连接不上打印机。"));
    let second = printers.print(&printer_uri(), "D1 v1 第2份", &sent).unwrap();
    assert!(second > i64::from(job));
    assert_eq!(spooled().len(), 2);
    assert!(matches!(printer.job(4711), Err(Error::Forgotten)));
    assert!(printer.cancel(job).is_err(), "a finished job cannot be taken back");
}

#[test]
fn a_printer_without_pdf_gets_raster_that_cups_can_read() {
    const NAME: &str = "a_printer_without_pdf_gets_raster_that_cups_can_read";
    if outside(NAME, "image/pwg-raster") {
        return;
    }
    let printer = IppPrinter::new(&printer_uri()).unwrap();
    assert!(matches!(printer.print_pdf(&pdf(), 1, "D1"), Err(Error::Format)));
    let pages = |dpi: u32| Some(vec![page(dpi), page(dpi)]);
    let job =
        printer.print(&Job { name: "D1", copies: 1, pdf: &pdf(), pages: Some(&pages) }).unwrap();
    printer.wait(job, Duration::from_secs(60)).unwrap();
    let files = spooled();
    let bytes = fs::read(&files[0]).unwrap();
    assert!(bytes == spotcheck_print::raster::pwg_raster(&[page(300), page(300)]).unwrap());

    // CUPS' own reader turns it into PCL.
    let reader = ["/usr/sbin/ippevepcl", "/usr/lib/cups/command/ippevepcl"];
    let Some(reader) = reader.iter().find(|r| Path::new(r).exists()) else {
        eprintln!("SKIPPED {NAME}: ippevepcl is not installed");
        return;
    };
    let pcl = Command::new(reader)
        .arg(&files[0])
        .env("CONTENT_TYPE", "image/pwg-raster")
        .output()
        .unwrap();
    assert!(pcl.status.success(), "{}", String::from_utf8_lossy(&pcl.stderr));
    let sheets = pcl.stdout.iter().filter(|b| **b == 0x0c).count();
    assert!(sheets >= 2 && pcl.stdout.len() > 1000, "{sheets} sheets, {} bytes", pcl.stdout.len());
}

// ---- a false printer in this process --------------------------------------------------------------------

#[derive(Clone)]
struct Script {
    state: i32,
    reasons: &'static [&'static str],
    formats: &'static [&'static str],
    print_status: StatusCode,
    /// Job states, one per question, the last one again and again; with reasons.
    job: &'static [(i32, &'static str)],
}

const GOOD: Script = Script {
    state: 3,
    reasons: &["none"],
    formats: &["application/pdf"],
    print_status: StatusCode::SuccessfulOk,
    job: &[(3, "job-incoming"), (5, "job-printing"), (9, "job-completed-successfully")],
};

fn keywords(values: &[&str]) -> IppValue {
    IppValue::Array(values.iter().map(|v| IppValue::new_keyword(*v).unwrap()).collect())
}

fn answer(script: &Script, asked: &mut usize, operation: i16, id: i32) -> Vec<u8> {
    let operation_is = |o: Operation| operation == o as i16;
    let status = if operation_is(Operation::PrintJob) {
        script.print_status
    } else {
        StatusCode::SuccessfulOk
    };
    let mut response = IppRequestResponse::new_response(IppVersion::v2_0(), status, id).unwrap();
    let mut add = |group, name: &str, value| {
        response.attributes_mut().add(group, IppAttribute::with_name(name, value).unwrap());
    };
    if operation_is(Operation::GetPrinterAttributes) {
        let group = DelimiterTag::PrinterAttributes;
        add(group, "printer-state", IppValue::Enum(script.state));
        add(group, "printer-state-reasons", keywords(script.reasons));
        add(group, "printer-is-accepting-jobs", IppValue::Boolean(true));
        let formats =
            script.formats.iter().map(|f| IppValue::new_mime_media_type(*f).unwrap()).collect();
        add(group, "document-format-supported", IppValue::Array(formats));
    } else {
        let (state, reason) = script.job[(*asked).min(script.job.len() - 1)];
        *asked += 1;
        let group = DelimiterTag::JobAttributes;
        add(group, "job-id", IppValue::Integer(7));
        add(group, "job-state", IppValue::Enum(state));
        add(group, "job-state-reasons", keywords(&[reason]));
    }
    response.to_bytes().to_vec()
}

fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0_u8; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|l| l.strip_prefix("content-length: ")?.trim().parse::<usize>().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

/// Serves one connection after another until the test ends; returns the address and what was printed.
fn false_printer(script: Script) -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("ipp://{}/ipp/print", listener.local_addr().unwrap());
    let printed = Arc::new(Mutex::new(Vec::new()));
    let tray = Arc::clone(&printed);
    thread::spawn(move || {
        let mut asked = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while let Some(body) = read_request(&mut stream) {
                let parsed =
                    IppParser::new(IppReader::new(std::io::Cursor::new(body))).parse_parts();
                let (header, _, reader) = parsed.unwrap();
                if header.operation_or_status == Operation::PrintJob as i16 {
                    let mut document = Vec::new();
                    reader.into_payload().read_to_end(&mut document).unwrap();
                    tray.lock().unwrap().push(document);
                }
                let bytes =
                    answer(&script, &mut asked, header.operation_or_status, header.request_id);
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/ipp\r\ncontent-length: {}\r\n\r\n",
                    bytes.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&bytes).unwrap();
            }
        }
    });
    (uri, printed)
}

fn trouble(error: Error) -> Trouble {
    Trouble::from(error)
}

#[test]
fn a_good_day() {
    let (uri, printed) = false_printer(GOOD);
    let printer = IppPrinter::new(&uri).unwrap();
    let job = printer.print_pdf(b"%PDF-1.7 any bytes", 1, "D1").unwrap();
    let over = printer.wait(job, Duration::from_secs(20)).unwrap();
    assert_eq!(
        (over.id, over.state, over.reasons),
        (7, JobState::Completed, vec!["已完成".to_owned()])
    );
    assert_eq!(printed.lock().unwrap().as_slice(), [b"%PDF-1.7 any bytes".to_vec()]);
}

#[test]
fn a_stopped_printer_says_why_and_gets_nothing() {
    let (uri, printed) =
        false_printer(Script { state: 5, reasons: &["media-empty-error", "cover-open"], ..GOOD });
    let printer = IppPrinter::new(&uri).unwrap();
    assert_eq!(printer.attributes().unwrap().words(), "已停止：缺纸、机盖未关");
    let said = trouble(printer.print_pdf(&pdf(), 1, "D1").unwrap_err());
    assert_eq!(said.code, "PRINT-NOT-READY");
    assert_eq!(said.message, "打印机现在不能打印：缺纸、机盖未关。");
    assert!(said.retryable && !said.safe.is_empty() && !said.advice.is_empty());
    assert!(printed.lock().unwrap().is_empty());
}

#[test]
fn a_wrong_format_is_named_before_anything_is_sent_and_when_it_is_refused() {
    let (uri, printed) = false_printer(Script { formats: &["application/vnd.hp-pcl"], ..GOOD });
    let said = trouble(IppPrinter::new(&uri).unwrap().print_pdf(&pdf(), 1, "D1").unwrap_err());
    assert_eq!(said.code, "PRINT-FORMAT");
    assert!(printed.lock().unwrap().is_empty());
    let (uri, _) = false_printer(Script {
        print_status: StatusCode::ClientErrorDocumentFormatNotSupported,
        ..GOOD
    });
    let said = trouble(IppPrinter::new(&uri).unwrap().print_pdf(&pdf(), 1, "D1").unwrap_err());
    assert_eq!(said.code, "PRINT-FORMAT");
}

#[test]
fn a_job_that_stops_in_the_middle_says_what_the_printer_waits_for() {
    let (uri, _) = false_printer(Script {
        state: 4,
        reasons: &["media-jam"],
        job: &[(5, "job-printing"), (6, "printer-stopped")],
        ..GOOD
    });
    let printer = IppPrinter::new(&uri).unwrap();
    let job = printer.print_pdf(&pdf(), 1, "D1").unwrap();
    let said = trouble(printer.wait(job, Duration::from_millis(700)).unwrap_err());
    assert_eq!(
        (said.code.as_str(), said.message.as_str()),
        ("PRINT-STUCK", "打印还没有完成：卡纸。")
    );
    let (uri, _) = false_printer(Script { job: &[(8, "aborted-by-system")], ..GOOD });
    let printer = IppPrinter::new(&uri).unwrap();
    let job = printer.print_pdf(&pdf(), 1, "D1").unwrap();
    let said = trouble(printer.wait(job, Duration::from_secs(20)).unwrap_err());
    assert_eq!(
        (said.code.as_str(), said.message.as_str()),
        ("PRINT-ABORTED", "打印被打印机中止：打印机出错中止。")
    );
}

#[test]
fn a_printer_that_is_gone_or_is_none_is_said_so() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = IppPrinter::new(&format!("ipp://127.0.0.1:{port}/ipp/print")).unwrap();
    let said = trouble(gone.attributes().unwrap_err());
    assert_eq!(said.code, "PRINT-UNREACHABLE");
    assert!(said.retryable);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            read_request(&mut stream);
            let page = "<html>router</html>";
            let _ =
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len());
        }
    });
    let said = trouble(IppPrinter::new(&uri).unwrap().attributes().unwrap_err());
    assert_eq!(said.code, "PRINT-PROTOCOL");
    assert!(!said.cause.contains("router"), "{}", said.cause);
    assert!(matches!(IppPrinter::new("file:///etc/passwd"), Err(Error::Uri)));
}
