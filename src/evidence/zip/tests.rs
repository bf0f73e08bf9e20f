//! The writer under other programs, and archives that two programs would read differently.

use std::io::{Cursor, Read, Write};

use super::{ZipArchive, ZipWarning, ZipWriter};

/// One entry of a hand-made archive; every field can lie.
#[derive(Clone)]
struct Raw {
    name: Vec<u8>,
    local_name: Option<Vec<u8>>,
    stored: Vec<u8>,
    size: u32,
    local_size: Option<u32>,
    crc: u32,
    method: u16,
    flags: u16,
    attributes: u32,
    extra: Vec<u8>,
    comment: Vec<u8>,
    after: Vec<u8>,
}

impl Raw {
    fn file(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            local_name: None,
            stored: content.to_vec(),
            size: content.len() as u32,
            local_size: None,
            crc: crc32fast::hash(content),
            method: 0,
            flags: 0,
            attributes: 0o100_644 << 16,
            extra: Vec::new(),
            comment: Vec::new(),
            after: Vec::new(),
        }
    }

    fn deflated(name: &str, content: &[u8]) -> Self {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        let stored = encoder.finish().unwrap();
        Self { stored, method: 8, ..Self::file(name, content) }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn shared(&self, local: bool) -> Vec<u8> {
        let name = self.local_name.as_ref().filter(|_| local).unwrap_or(&self.name);
        let size = self.local_size.filter(|_| local).unwrap_or(self.size);
        let mut out = Vec::new();
        for field in [20, self.flags, self.method, 0, 0x21] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.crc.to_le_bytes());
        out.extend((self.stored.len() as u32).to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend((name.len() as u16).to_le_bytes());
        out.extend((self.extra.len() as u16).to_le_bytes());
        out
    }
}

fn archive(entries: &[Raw], comment: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = out.len() as u32;
        out.extend(0x0403_4b50_u32.to_le_bytes());
        out.extend(entry.shared(true));
        out.extend(entry.local_name.as_ref().unwrap_or(&entry.name));
        out.extend(&entry.extra);
        out.extend(&entry.stored);
        out.extend(&entry.after);
        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend(0x0314_u16.to_le_bytes());
        directory.extend(entry.shared(false));
        directory.extend((entry.comment.len() as u16).to_le_bytes());
        directory.extend([0; 4]);
        directory.extend(entry.attributes.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&entry.name);
        directory.extend(&entry.extra);
        directory.extend(&entry.comment);
    }
    let start = out.len() as u32;
    let length = directory.len() as u32;
    out.extend(directory);
    out.extend(0x0605_4b50_u32.to_le_bytes());
    out.extend([0; 4]);
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend((comment.len() as u16).to_le_bytes());
    out.extend(comment);
    out
}

/// Opens and reads everything; the code of the first fault.
fn code(zip: &[u8]) -> Option<&'static str> {
    match ZipArchive::open(Cursor::new(zip)) {
        Err((fault, _)) => fault.code(),
        Ok(mut archive) => {
            let entries = archive.entries().to_vec();
            entries.iter().find_map(|e| archive.read(e, &mut |_| {}).err().and_then(|f| f.code()))
        }
    }
}

fn warnings(zip: &[u8]) -> Vec<ZipWarning> {
    ZipArchive::open(Cursor::new(zip)).unwrap().warnings().iter().copied().collect()
}

fn good() -> Vec<Raw> {
    vec![Raw::file("T/a.txt", b"one"), Raw::file("T/d/b.txt", b"two two")]
}

fn with(change: impl FnOnce(&mut Raw)) -> Vec<u8> {
    let mut entries = good();
    change(&mut entries[1]);
    archive(&entries, b"")
}

fn plus(entry: Raw) -> Vec<u8> {
    let mut entries = good();
    entries.push(entry);
    archive(&entries, b"")
}

#[test]
fn archives_that_two_programs_read_differently_are_refused() {
    let whole = archive(&good(), b"");
    assert_eq!(code(&whole), None);
    let end = whole.len() - 22;
    let long = format!("T/{}", "x".repeat(256));
    let extra = |id: u16, content: &[u8]| {
        let mut field = id.to_le_bytes().to_vec();
        field.extend((content.len() as u16).to_le_bytes());
        field.extend(content);
        field
    };
    let patched = |at: usize, bytes: &[u8]| {
        let mut zip = whole.clone();
        zip[at..at + bytes.len()].copy_from_slice(bytes);
        zip
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty file", Vec::new(), "ZIP-NOT-A-ZIP"),
        (
            "not a zip",
            b"%PDF-1.7 and so on, long enough to hold an end record".to_vec(),
            "ZIP-NOT-A-ZIP",
        ),
        ("cut off", whole[..whole.len() - 1].to_vec(), "ZIP-NOT-A-ZIP"),
        ("only the end record", archive(&[], b""), "ZIP-TOP"),
        ("bytes before", [b"#!/bin/sh\n", whole.as_slice()].concat(), "ZIP-GAP"),
        ("an archive before", [whole.as_slice(), whole.as_slice()].concat(), "ZIP-GAP"),
        ("bytes after", [whole.as_slice(), b"x"].concat(), "ZIP-NOT-A-ZIP"),
        ("second end record in the comment", archive(&good(), &whole[end..]), "ZIP-SECOND-ARCHIVE"),
        (
            "end record's signature in the comment",
            archive(&good(), b"..PK\x05\x06.."),
            "ZIP-SECOND-ARCHIVE",
        ),
        (
            "gap between entries",
            {
                let mut e = good();
                e[0].after = vec![0];
                archive(&e, b"")
            },
            "ZIP-GAP",
        ),
        ("gap before the directory", with(|e| e.after = vec![0; 9]), "ZIP-GAP"),
        (
            "entry hidden from the directory",
            {
                let mut e = good();
                let hidden = archive(&[Raw::file("T/h", b"h")], b"");
                e[0].after = hidden[..34].to_vec();
                archive(&e, b"")
            },
            "ZIP-GAP",
        ),
        ("several disks", patched(end + 4, &[1]), "ZIP-SPLIT"),
        ("count of this disk differs", patched(end + 8, &[1]), "ZIP-SPLIT"),
        (
            "more entries than the directory holds",
            {
                let mut z = patched(end + 8, &[3]);
                z[end + 10] = 3;
                z
            },
            "ZIP-HEADER",
        ),
        (
            "fewer entries than the directory holds",
            {
                let mut z = patched(end + 8, &[1]);
                z[end + 10] = 1;
                z
            },
            "ZIP-HEADER",
        ),
        ("directory size lies", patched(end + 12, &[1]), "ZIP-GAP"),
        ("encrypted", with(|e| e.flags = 1), "ZIP-FLAGS"),
        ("data descriptor", with(|e| e.flags = 8), "ZIP-FLAGS"),
        ("strong encryption", with(|e| e.flags = 0x41), "ZIP-FLAGS"),
        ("masked headers", with(|e| e.flags = 0x2000), "ZIP-FLAGS"),
        ("bzip2", with(|e| e.method = 12), "ZIP-METHOD"),
        ("AES", with(|e| e.method = 99), "ZIP-METHOD"),
        (
            "local name differs",
            with(|e| e.local_name = Some(b"T/d/c.txt".to_vec())),
            "ZIP-DISAGREE",
        ),
        ("local size differs", with(|e| e.local_size = Some(3)), "ZIP-DISAGREE"),
        ("stored size lies", with(|e| e.size = 3), "ZIP-CONTENT"),
        ("checksum lies", with(|e| e.crc ^= 1), "ZIP-CONTENT"),
        (
            "deflated to less",
            plus(Raw::deflated("T/z", b"zzzzzzzz").with(|e| e.size = 9)),
            "ZIP-CONTENT",
        ),
        (
            "deflated to more",
            plus(Raw::deflated("T/z", b"zzzzzzzz").with(|e| e.size = 7)),
            "ZIP-CONTENT",
        ),
        (
            "deflate stream with a tail",
            plus(Raw::deflated("T/z", b"zzzzzzzz").with(|e| e.stored.push(0))),
            "ZIP-CONTENT",
        ),
        (
            "deflate stream cut off",
            plus(Raw::deflated("T/z", &[7; 900]).with(|e| e.stored.truncate(e.stored.len() - 1))),
            "ZIP-CONTENT",
        ),
        (
            "deflate stream that is none",
            plus(Raw::deflated("T/z", b"zzzz").with(|e| e.stored = vec![0xff; 9])),
            "ZIP-CONTENT",
        ),
        ("bomb that says so", plus(Raw::deflated("T/z", &vec![0; 80 << 20])), "ZIP-BOMB"),
        (
            "bomb that lies",
            plus(Raw::deflated("T/z", &vec![0; 8 << 20]).with(|e| e.size = 10)),
            "ZIP-CONTENT",
        ),
        (
            "size no deflate can reach",
            plus(Raw::deflated("T/z", b"zz").with(|e| e.size = 1 << 30)),
            "ZIP-BOMB",
        ),
        ("one name twice", plus(Raw::file("T/a.txt", b"other")), "ZIP-DUPLICATE"),
        ("names equal but for case", plus(Raw::file("T/A.txt", b"other")), "ZIP-DUPLICATE"),
        ("folders equal but for case", plus(Raw::file("T/D/x.txt", b"other")), "ZIP-DUPLICATE"),
        ("file where a folder is", plus(Raw::file("T/d", b"other")), "ZIP-DUPLICATE"),
        ("dot dot", plus(Raw::file("T/../escaped", b"x")), "ZIP-NAME"),
        ("absolute", plus(Raw::file("/T/a", b"x")), "ZIP-NAME"),
        ("drive", plus(Raw::file("C:/T/a", b"x")), "ZIP-NAME"),
        ("backslash", plus(Raw::file("T\\..\\a", b"x")), "ZIP-TOP"),
        ("backslash below", plus(Raw::file("T/a\\b", b"x")), "ZIP-NAME"),
        ("empty part", plus(Raw::file("T//a", b"x")), "ZIP-NAME"),
        ("NUL", plus(Raw::file("T/a\0.txt", b"x")), "ZIP-NAME"),
        ("LF", plus(Raw::file("T/a\nb", b"x")), "ZIP-NAME"),
        ("Chinese", plus(Raw::file("T/证据.jpg", b"x").with(|e| e.flags = 0x800)), "ZIP-NAME"),
        ("space", plus(Raw::file("T/a b", b"x")), "ZIP-NAME"),
        (
            "not UTF-8",
            plus(Raw::file("T/a", b"x").with(|e| e.name = b"T/\xff".to_vec())),
            "ZIP-NAME",
        ),
        ("very long", plus(Raw::file(&long, b"x")), "ZIP-NAME"),
        ("outside the top folder", plus(Raw::file("readme.txt", b"x")), "ZIP-TOP"),
        ("two top folders", plus(Raw::file("U/a", b"x")), "ZIP-TOP"),
        (
            "symbolic link",
            plus(Raw::file("T/l", b"a.txt").with(|e| e.attributes = 0o120_777 << 16)),
            "ZIP-SPECIAL",
        ),
        (
            "device",
            plus(Raw::file("T/l", b"").with(|e| e.attributes = 0o020_666 << 16)),
            "ZIP-SPECIAL",
        ),
        (
            "folder bit on a file",
            plus(Raw::file("T/l", b"x").with(|e| e.attributes |= 0x10)),
            "ZIP-SPECIAL",
        ),
        ("file bits on a folder", plus(Raw::file("T/l/", b"")), "ZIP-SPECIAL"),
        (
            "folder with content",
            plus(Raw::file("T/l/", b"x").with(|e| e.attributes = 0o040_755 << 16)),
            "ZIP-CONTENT",
        ),
        (
            "Unicode path field",
            plus(Raw::file("T/l", b"x").with(|e| e.extra = extra(0x7075, b"\x01\0\0\0\0T/m"))),
            "ZIP-EXTRA",
        ),
        (
            "AES field",
            plus(Raw::file("T/l", b"x").with(|e| e.extra = extra(0x9901, &[0; 7]))),
            "ZIP-EXTRA",
        ),
        (
            "unknown field",
            plus(Raw::file("T/l", b"x").with(|e| e.extra = extra(0x4242, b""))),
            "ZIP-EXTRA",
        ),
        (
            "field that overruns",
            plus(Raw::file("T/l", b"x").with(|e| e.extra = vec![1, 0, 9, 0])),
            "ZIP-HEADER",
        ),
        (
            "ZIP64 values nobody asked for",
            plus(Raw::file("T/l", b"x").with(|e| e.extra = extra(1, &[0; 8]))),
            "ZIP-EXTRA",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, zip, expected) in &cases {
        if code(zip) != Some(expected) {
            wrong.push(format!("{name}: {:?}, expected {expected}", code(zip)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn what_is_only_unusual_is_a_warning() {
    let times = [&0x5455_u16.to_le_bytes()[..], &5_u16.to_le_bytes(), &[1, 0, 0, 0, 0]].concat();
    for (zip, expected) in [
        (archive(&good(), "备注".as_bytes()), ZipWarning::Comment),
        (with(|e| e.comment = b"note".to_vec()), ZipWarning::Comment),
        (plus(Raw::deflated("T/z", &[5; 9000])), ZipWarning::Deflated),
        (plus(Raw::file("T/e/", b"").with(|e| e.attributes = 0o040_755 << 16)), ZipWarning::Folder),
        (plus(Raw::file("T/x", b"x").with(|e| e.extra = times)), ZipWarning::Extra),
    ] {
        assert_eq!(code(&zip), None);
        assert_eq!(warnings(&zip), [expected]);
    }
    assert!(warnings(&archive(&good(), b"")).is_empty());
}

#[test]
fn what_is_written_is_read_and_is_as_narrow_as_can_be() {
    let mut writer = ZipWriter::new(Vec::new());
    writer.add_bytes("T/a.txt", b"one").unwrap();
    writer.add_two_pass("T/big.bin", || Ok(std::io::repeat(7).take(300_000))).unwrap();
    let crc = crc32fast::hash(b"two");
    assert!(writer.add_known("T/a.txt", 3, crc, &mut &b"two"[..]).is_err(), "twice");
    assert!(writer.add_known("T/A.txt", 3, crc, &mut &b"two"[..]).is_err(), "but for case");
    assert!(writer.add_bytes("T/证.txt", b"").is_err());
    let zip = writer.finish().unwrap();
    let mut archive = ZipArchive::open(Cursor::new(&zip)).unwrap();
    assert_eq!((archive.top(), archive.entries().len()), ("T", 2));
    let entry = archive.entries()[1].clone();
    let mut found = Vec::new();
    archive.read(&entry, &mut |b| found.extend_from_slice(b)).unwrap();
    assert_eq!(found, vec![7; 300_000]);
    assert!(archive.warnings().is_empty());
    // local header = directory entry, byte for byte, where they overlap
    let start = zip.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    assert_eq!(zip[4..30], zip[start + 6..start + 32]);
}

#[test]
fn announced_sizes_and_checksums_must_hold() {
    let crc = crc32fast::hash(b"two");
    for (size, crc, content) in [(2, crc, "two"), (4, crc, "two"), (3, crc ^ 1, "two")] {
        let mut writer = ZipWriter::new(Vec::new());
        assert!(writer.add_known("T/x", size, crc, &mut content.as_bytes()).is_err());
    }
}

/// A file with holes: 4 GiB without 4 GiB.
struct Sparse {
    parts: Vec<(u64, Vec<u8>)>,
    at: u64,
}

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.parts.push((self.at, bytes.to_vec()));
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn headers_beyond_four_gibibytes_are_zip64() {
    let size: u64 = (4 << 30) + 5;
    let mut writer = ZipWriter::new(Sparse { parts: Vec::new(), at: 0 });
    writer.add_hole("T/big", size, |out| out.at += size);
    writer.add_bytes("T/far", b"far").unwrap();
    let out = writer.finish().unwrap();
    assert_eq!(&out.parts[0].1[4..6], &[45, 0], "version needed");
    let end: Vec<u8> = out.parts.last().unwrap().1.clone();
    assert_eq!(&end[..4], b"PK\x06\x06");
    assert_eq!(&end[56..60], b"PK\x06\x07");
    let mut reader = SparseReader { parts: out.parts, length: out.at, at: 0 };
    let archive = ZipArchive::open(&mut reader).unwrap();
    let sizes: Vec<_> = archive.entries().iter().map(|e| (e.path.as_str(), e.size)).collect();
    assert_eq!(sizes, [("big", size), ("far", 3)]);
    assert!(archive.warnings().is_empty());
}

struct SparseReader {
    parts: Vec<(u64, Vec<u8>)>,
    length: u64,
    at: u64,
}

impl Read for SparseReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = (buffer.len() as u64).min(self.length - self.at.min(self.length)) as usize;
        for (i, to) in buffer[..n].iter_mut().enumerate() {
            let at = self.at + i as u64;
            let part =
                self.parts.iter().find(|(from, b)| (*from..from + b.len() as u64).contains(&at));
            *to = part.map_or(0, |(from, b)| b[(at - from) as usize]);
        }
        self.at += n as u64;
        Ok(n)
    }
}

impl std::io::Seek for SparseReader {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.at = match to {
            std::io::SeekFrom::Start(at) => at,
            std::io::SeekFrom::End(by) => self.length.saturating_add_signed(by),
            std::io::SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

/// Programs nobody here wrote read what the writer makes.
#[test]
fn unzip_and_python_read_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bag.zip");
    let mut writer = ZipWriter::new(std::fs::File::create(&path).unwrap());
    writer.add_bytes("T/a.txt", b"one").unwrap();
    writer.add_bytes("T/d/b.bin", &[9; 100_000]).unwrap();
    writer.finish().unwrap();
    let check = |program: &str, arguments: &[&str]| match std::process::Command::new(program)
        .args(arguments)
        .arg(&path)
        .output()
    {
        Ok(out) => assert!(out.status.success(), "{program}: {out:?}"),
        Err(_) => eprintln!("SKIPPED unzip_and_python_read_what_is_written: no {program}"),
    };
    check("unzip", &["-tq"]);
    check("python3", &["-m", "zipfile", "-t"]);
}
