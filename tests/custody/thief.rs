//! Somebody with the whole data folder, the device secret and as many PINs as he is given, and no line of the
//! product: `age`, an independent SQLCipher reader (SQLite3 Multiple Ciphers through apsw), `strings`, and the
//! key derivation written down once more.
//!
//! He takes an image of the folder, opens keys.db by the device secret, the officers' keys by the PINs, and from
//! there everything that any key he has opens, until nothing new opens. What he cannot find is out of reach.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use serde_json::Value;
use spotcheck_tests::skip;

/// What he found, by the file (relative to the data folder) he found it in.
#[derive(Debug, Default)]
pub(crate) struct Loot {
    /// Tokens that lie open.
    pub strings: BTreeMap<String, BTreeSet<String>>,
    /// age files that open, and the tokens in them.
    pub age: BTreeMap<String, BTreeSet<String>>,
    /// Databases that open, and the tokens in them.
    pub sql: BTreeMap<String, BTreeSet<String>>,
}

impl Loot {
    /// Every token found anywhere.
    pub(crate) fn tokens(&self) -> BTreeSet<&str> {
        let all = [&self.strings, &self.age, &self.sql];
        all.iter().flat_map(|by| by.values()).flatten().map(String::as_str).collect()
    }

    /// Files of a case that opened.
    pub(crate) fn of_case(&self, case: &str) -> Vec<&str> {
        let all = self.age.keys().chain(self.sql.keys());
        all.filter(|path| path.contains(case)).map(String::as_str).collect()
    }
}

struct Len32;

impl KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

fn hkdf(salt: &[u8], parts: &[&[u8]], info: &str) -> [u8; 32] {
    let mut key = [0_u8; 32];
    let prk = Salt::new(HKDF_SHA256, salt).extract(&parts.concat());
    prk.expand(&[info.as_bytes()], Len32).unwrap().fill(&mut key).unwrap();
    key
}

fn unseal(key: &[u8; 32], purpose: &str, officer: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let aad = format!("spotcheck-vault/1\0{purpose}\0{officer}");
    let nonce = Nonce::try_assume_unique_for_key(sealed.get(1..13)?).ok()?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut body = sealed[13..].to_vec();
    Some(key.open_in_place(nonce, Aad::from(aad.as_bytes()), &mut body).ok()?.to_vec())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, found),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
    found.sort();
}

/// The tokens in some bytes.
fn tokens_in(bytes: &[u8], tokens: &[&str]) -> BTreeSet<String> {
    let has = |token: &&&str| bytes.windows(token.len()).any(|w| w == token.as_bytes());
    tokens.iter().filter(has).map(|t| (*t).to_owned()).collect()
}

/// All rows of a SQLCipher file under a raw key: table → rows, blobs as `{"x": hex, "t": text}`;
/// `None` if it does not open.
fn dump(file: &Path, key: &[u8]) -> Option<Value> {
    const SCRIPT: &str = "
import sys, json, apsw
db = apsw.Connection(sys.argv[1])
db.pragma('cipher', 'sqlcipher'); db.pragma('legacy', 4)
db.execute('PRAGMA key=\"raw:' + sys.argv[2] + '\"')
show = lambda v: {'x': v.hex(), 't': v.decode('utf-8', 'ignore')} if isinstance(v, bytes) else v
names = [r[0] for r in db.execute('SELECT name FROM sqlite_master WHERE type = \"table\"')]
print(json.dumps({n: [{c[0]: show(v) for c, v in zip(cur.description, r)} for cur in [db.execute('SELECT * FROM \"' + n + '\"')] for r in cur] for n in names}))
";
    let out = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(file)
        .arg(hex::encode(key))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    out.status.success().then(|| serde_json::from_slice(&out.stdout).unwrap())
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value["x"].as_str().unwrap_or_default()).unwrap()
}

/// True where the tools are there; otherwise a loud line.
pub(crate) fn equipped(test: &str) -> bool {
    let apsw = Command::new("python3").args(["-c", "import apsw; apsw.mc_version"]).output();
    if !apsw.is_ok_and(|o| o.status.success()) {
        skip(test, "Python package apsw-sqlite3mc is not there");
        return false;
    }
    ["age", "strings"].iter().all(|program| spotcheck_tests::has_program(test, program))
}

struct Thief<'a> {
    image: PathBuf,
    identities: BTreeSet<String>,
    db_keys: BTreeSet<Vec<u8>>,
    tokens: &'a [&'a str],
    loot: Loot,
}

/// Files and folders with their rights. A recorder that goes to rest meanwhile takes its socket along: not loot.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, place) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &place)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), place)?;
        }
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

/// Everything that is within reach of somebody who has the folder and these PINs.
pub(crate) fn rob(data: &Path, work: &Path, pins: &[&str], tokens: &[&str]) -> Loot {
    let image = work.join(format!("image-{}", fs::read_dir(work).unwrap().count()));
    copy(data, &image).unwrap();
    let (identities, db_keys) = (BTreeSet::new(), BTreeSet::new());
    let mut thief = Thief { image, identities, db_keys, tokens, loot: Loot::default() };
    thief.look_at_strings();
    thief.open_keys(pins);
    loop {
        let before = (thief.identities.len(), thief.db_keys.len(), thief.loot.age.len());
        thief.open_age_files();
        if before == (thief.identities.len(), thief.db_keys.len(), thief.loot.age.len()) {
            break;
        }
    }
    thief.open_databases();
    fs::remove_dir_all(&thief.image).unwrap();
    thief.loot
}

impl Thief<'_> {
    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.image).unwrap().to_string_lossy().into_owned()
    }

    fn all(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        files(&self.image, &mut found);
        found.retain(|path| !path.starts_with(self.image.join("packages")));
        found
    }

    fn look_at_strings(&mut self) {
        for path in self.all() {
            let raw = fs::read(&path).unwrap();
            let printed = Command::new("strings").arg("-a").arg(&path).output().unwrap().stdout;
            let mut found = tokens_in(&raw, self.tokens);
            found.extend(tokens_in(&printed, self.tokens));
            found.extend(tokens_in(&printed, &["AGE-SECRET-KEY-1"]));
            if !found.is_empty() {
                self.loot.strings.insert(self.name(&path), found);
            }
        }
    }

    /// keys.db by the device secret; the officers' identities by whatever PIN fits.
    fn open_keys(&mut self, pins: &[&str]) {
        let Ok(secret) = fs::read(self.image.join("device.secret")) else { return };
        self.db_keys.insert(hkdf(b"", &[&secret], "boot:device-store").to_vec());
        let file = self.image.join("keys.db");
        let salt = fs::read(&file).unwrap()[..16].to_vec();
        let keys = dump(&file, &hkdf(&salt, &[&secret], "keys.db"))
            .expect("keys.db opens by the device secret: file protection");
        for row in keys["officer"].as_array().unwrap() {
            let officer = row["id"].as_str().unwrap();
            let number = |name: &str| u32::try_from(row[name].as_u64().unwrap()).unwrap();
            let salt = bytes(&row["vmk_salt"]);
            let cost = argon2::Params::new(
                number("vmk_kib"),
                number("vmk_passes"),
                number("vmk_lanes"),
                Some(32),
            );
            let argon = argon2::Argon2::new(
                argon2::Algorithm::Argon2id,
                argon2::Version::V0x13,
                cost.unwrap(),
            );
            for pin in pins {
                let mut stretched = [0_u8; 32];
                argon.hash_password_into(pin.as_bytes(), &salt[..16], &mut stretched).unwrap();
                let device = hkdf(officer.as_bytes(), &[&secret], "kek:vault");
                let kek = hkdf(&salt[..16], &[&device, &stretched], "kek:vault");
                let Some(vault) = unseal(&kek, "kek:vault", officer, &bytes(&row["vmk_wrap"]))
                else {
                    continue;
                };
                let vault = vault.try_into().unwrap();
                let own = unseal(&vault, "identity", officer, &bytes(&row["identity_wrap"]));
                self.identities.insert(String::from_utf8(own.unwrap()).unwrap());
            }
        }
        for (n, row) in keys["wrap"].as_array().unwrap().iter().enumerate() {
            let body = self.image.join(format!("wrap-{n}.age"));
            fs::write(body, bytes(&row["body"])).unwrap();
        }
    }

    fn open_age_files(&mut self) {
        if self.identities.is_empty() {
            return;
        }
        let list = self.image.join("identities");
        let all: Vec<&str> = self.identities.iter().map(String::as_str).collect();
        fs::write(&list, all.join("\n")).unwrap();
        for path in self.all() {
            let name = self.name(&path);
            let closed = fs::read(&path).unwrap();
            if self.loot.age.contains_key(&name) || !closed.starts_with(b"age-encryption.org/v1\n")
            {
                continue;
            }
            let mut age = Command::new("age");
            let out = age.args(["-d", "-i"]).arg(&list).arg(&path).output().unwrap();
            if !out.status.success() {
                continue;
            }
            let plain = out.stdout;
            self.loot.age.insert(name, tokens_in(&plain, self.tokens));
            if let Ok(keys) = serde_json::from_slice::<Value>(&plain)
                && let (Some(identity), Some(db_key)) =
                    (keys["identity"].as_str(), keys["db_key"].as_str())
            {
                self.identities.insert(identity.to_owned());
                self.db_keys.insert(hex::decode(db_key).unwrap());
            } else if plain.starts_with(b"AGE-SECRET-KEY-1") {
                self.identities.insert(String::from_utf8(plain).unwrap().trim().to_owned());
            }
        }
    }

    fn open_databases(&mut self) {
        for path in self.all() {
            if path.extension().is_none_or(|e| e != "db") || path.ends_with("keys.db") {
                continue;
            }
            for key in &self.db_keys {
                if let Some(rows) = dump(&path, key) {
                    let found = tokens_in(rows.to_string().as_bytes(), self.tokens);
                    self.loot.sql.insert(self.name(&path), found);
                }
            }
        }
    }
}
