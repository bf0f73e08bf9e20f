//! A time-stamp authority on loopback: `openssl ts -reply` behind a few lines of HTTP.
//!
//! The stamps are made by a program of others, so that what we ask and what we accept is judged from
//! outside. Keys are made anew for each run.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

use anyhow::{Context, Result, ensure};

const CONFIG: &str = "[root]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n\
[stamp]\nbasicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\nextendedKeyUsage = critical, timeStamping\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n\
[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_digest = sha256\ndefault_policy = 1.3.6.1.4.1.99999.1\ndigests = sha256, sha384, sha512\naccuracy = secs:1\nordering = no\ntsa_name = yes\ness_cert_id_chain = no\ness_cert_id_alg = sha256\n\
[req]\ndistinguished_name = dn\n[dn]\n";

/// A running authority; it ends with the process.
#[derive(Debug)]
pub struct Tsa {
    /// `http://127.0.0.1:port/`.
    pub url: String,
    /// The root to trust, PEM.
    pub roots: PathBuf,
    _thread: JoinHandle<()>,
}

fn openssl(folder: &Path, arguments: &[&str]) -> Result<()> {
    let done = Command::new("openssl").args(arguments).current_dir(folder).output()?;
    ensure!(
        done.status.success(),
        "openssl {:?}: {}",
        arguments,
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

impl Tsa {
    /// Makes keys in `folder` and listens on a free loopback port.
    ///
    /// # Errors
    /// openssl is missing or refuses.
    pub fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("tsa.cnf"), CONFIG)?;
        std::fs::write(folder.join("serial"), "01\n")?;
        let ec = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-config",
            "tsa.cnf",
        ];
        let mut root =
            vec!["req", "-x509", "-days", "3650", "-keyout", "root.key", "-out", "root.pem"];
        root.extend([
            "-subj",
            "/C=CN/O=Demo (fictional)/CN=Demo time stamp root",
            "-extensions",
            "root",
        ]);
        root.extend(ec);
        openssl(folder, &root)?;
        let mut request = vec!["req", "-keyout", "tsa.key", "-out", "tsa.csr"];
        request.extend(["-subj", "/C=CN/O=Demo (fictional)/CN=Demo time stamp authority"]);
        request.extend(ec);
        openssl(folder, &request)?;
        openssl(
            folder,
            &[
                "x509",
                "-req",
                "-in",
                "tsa.csr",
                "-CA",
                "root.pem",
                "-CAkey",
                "root.key",
                "-CAcreateserial",
                "-days",
                "3600",
                "-extfile",
                "tsa.cnf",
                "-extensions",
                "stamp",
                "-out",
                "tsa.pem",
            ],
        )?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/", listener.local_addr()?);
        let at = folder.to_owned();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle is its own affair.
                let _ = answer(stream, &at);
            }
        });
        Ok(Self { url, roots: folder.join("root.pem"), _thread: thread })
    }
}

fn answer(mut stream: TcpStream, folder: &Path) -> Result<()> {
    let mut seen = Vec::new();
    let mut buffer = [0_u8; 4096];
    let (head_end, length) = loop {
        let n = stream.read(&mut buffer)?;
        ensure!(n > 0, "closed");
        seen.extend_from_slice(buffer.get(..n).unwrap_or_default());
        if let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
            let head =
                String::from_utf8_lossy(seen.get(..end).unwrap_or_default()).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|text| text.trim().parse::<usize>().ok())
                .unwrap_or(0);
            break (end.saturating_add(4), length);
        }
    };
    while seen.len() < head_end.saturating_add(length) {
        let n = stream.read(&mut buffer)?;
        ensure!(n > 0, "closed");
        seen.extend_from_slice(buffer.get(..n).unwrap_or_default());
    }
    let query = tempfile::NamedTempFile::new_in(folder)?;
    std::fs::write(query.path(), seen.get(head_end..).unwrap_or_default())?;
    let reply = Command::new("openssl")
        .args(["ts", "-reply", "-config", "tsa.cnf", "-queryfile"])
        .arg(query.path())
        .args([
            "-signer",
            "tsa.pem",
            "-inkey",
            "tsa.key",
            "-chain",
            "root.pem",
            "-out",
            "/dev/stdout",
        ])
        .current_dir(folder)
        .output()
        .context("openssl ts")?;
    ensure!(reply.status.success(), "openssl ts: {}", String::from_utf8_lossy(&reply.stderr));
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.stdout.len()
    )?;
    stream.write_all(&reply.stdout)?;
    Ok(())
}
