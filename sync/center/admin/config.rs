//! Configuration, policy, roots, escrow, backup.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::args::{Cli, Command, EscrowCommand, OutFile, PolicyCommand, PolicySet, Restore};
use super::out::Output;
use super::{Context, Result};
use crate::db::SqliteStore;
use crate::escrow::{self, Share};
use crate::folder::{Folder, find_key, sync_dir};
use crate::objects::sha256_hex;
use crate::{Error, clock::SystemEntropy};

const DEFAULT_DATA: &str = "/var/lib/spotcheck-center";
const DEFAULT_CONFIG: &str = "/etc/spotcheck/center.toml";
const DEFAULT_LISTEN: &str = "127.0.0.1:8443";

/// The configuration file; unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    key_file: Option<PathBuf>,
    listen: Option<SocketAddr>,
    public_names: Option<Vec<String>>,
    tsa: Option<String>,
    tsa_roots: Option<PathBuf>,
}

/// A value and where it comes from.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Value<T> {
    pub(super) value: T,
    from: &'static str,
}

/// Defaults < configuration file < arguments.
#[derive(Debug, Serialize)]
pub(super) struct Settings {
    pub(super) data: Value<PathBuf>,
    pub(super) key_file: Value<Option<PathBuf>>,
    pub(super) listen: Value<SocketAddr>,
    pub(super) public_names: Value<Vec<String>>,
    pub(super) tsa: Value<Option<String>>,
    pub(super) tsa_roots: Value<Option<PathBuf>>,
}

const DEFAULT: &str = "default";
const FILE: &str = "file";
const ARGUMENT: &str = "argument";

fn pick<T>(argument: Option<T>, file: Option<T>, default: T) -> Value<T> {
    match (argument, file) {
        (Some(value), _) => Value { value, from: ARGUMENT },
        (None, Some(value)) => Value { value, from: FILE },
        (None, None) => Value { value: default, from: DEFAULT },
    }
}

impl Settings {
    pub(super) fn load(cli: &Cli) -> Result<Self> {
        let default = Path::new(DEFAULT_CONFIG);
        let path = cli.config.as_deref().or_else(|| default.exists().then_some(default));
        let file = match path {
            None => File::default(),
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(Error::io("read the configuration"))?;
                toml::from_str(&text).map_err(|error| {
                    let line = error.message().lines().next().unwrap_or_default().to_owned();
                    Error::refused(
                        "CENTRE-CONFIG",
                        format!("配置文件读不懂：{line}"),
                        "请更正配置文件；不认识的键也是错误。",
                    )
                })?
            }
        };
        let serve = match &cli.command {
            Command::Serve(serve) => Some(serve),
            _ => None,
        };
        let listen = DEFAULT_LISTEN.parse().map_err(|_| Error::Stored("default address"))?;
        let names = serve.map(|s| s.public_name.clone()).filter(|n| !n.is_empty());
        Ok(Self {
            data: pick(cli.data.clone(), file.data, PathBuf::from(DEFAULT_DATA)),
            key_file: pick(cli.key_file.clone().map(Some), file.key_file.map(Some), None),
            listen: pick(serve.and_then(|s| s.listen), file.listen, listen),
            public_names: pick(names, file.public_names, Vec::new()),
            tsa: pick(serve.and_then(|s| s.tsa.clone()).map(Some), file.tsa.map(Some), None),
            tsa_roots: pick(
                serve.and_then(|s| s.tsa_roots.clone()).map(Some),
                file.tsa_roots.map(Some),
                None,
            ),
        })
    }
}

pub(super) fn show(context: &Context) -> Result<Output> {
    let body =
        serde_json::to_value(&context.settings).map_err(|_| Error::Stored("configuration"))?;
    let mut text = String::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        let from = value.get("from").and_then(|f| f.as_str()).unwrap_or_default();
        let shown = value.get("value").map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "{name} = {shown}  [{from}]");
    }
    Ok(Output::new("config-show", body, text))
}

/// Writes a file that must not be there yet.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let what = "write a file";
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(
        |source| {
            if source.kind() == std::io::ErrorKind::AlreadyExists {
                Error::refused(
                    "CENTRE-TARGET-EXISTS",
                    "目标文件已存在，不会覆盖。",
                    "请换一个文件名。",
                )
            } else {
                Error::Io { what, source }
            }
        },
    )?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io(what))
}

pub(super) fn roots(context: &Context, args: &OutFile) -> Result<Output> {
    let centre = context.open()?;
    write_new(&args.out, centre.ca().evidence.pem().as_bytes(), 0o644)?;
    let body = json!({ "out": args.out, "sha256": centre.ca().evidence.sha256() });
    Ok(Output::new("roots", body, format!("证据信任根已写入 {}", args.out.display())))
}

fn change(policy: &mut spotcheck_wire::enrol::Policy, set: &PolicySet) {
    let number = |to: &mut u32, from: Option<u32>| *to = from.unwrap_or(*to);
    number(&mut policy.pin_min_file, set.pin_min_file);
    number(&mut policy.pin_min_hardware, set.pin_min_hardware);
    number(&mut policy.retention_days, set.retention_days);
    number(&mut policy.idle_lock_minutes, set.idle_lock_minutes);
    policy.allow_file_protection =
        set.allow_file_protection.map_or(policy.allow_file_protection, |s| s.on());
    policy.pad_signatures = set.pad_signatures.map_or(policy.pad_signatures, |s| s.on());
}

pub(super) fn policy(context: &Context, command: &PolicyCommand) -> Result<Output> {
    let centre = context.open()?;
    let mut policy = centre.policy()?;
    if let PolicyCommand::Set(set) = command {
        change(&mut policy, set);
        centre.put_policy(&policy)?;
        if let Some(most) = set.guarded_per_day {
            crate::guarded::put_per_day(&centre, most)?;
        }
        centre.record_act("policy-changed", "-")?;
    }
    let mut body = serde_json::to_value(&policy).map_err(|_| Error::Stored("policy"))?;
    if let Some(members) = body.as_object_mut() {
        // The centre's own: handhelds need not know how closely they are looked at.
        members.insert("guarded_per_day".to_owned(), crate::guarded::per_day(&centre)?.into());
    }
    let text = serde_json::to_string_pretty(&body).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.remove("schema");
    }
    Ok(Output::new("policy", body, text))
}

fn read_share(path: &Path) -> Result<Share> {
    let text =
        zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(Error::io("read a share"))?);
    Share::from_text(&text)
        .ok_or_else(|| Error::refused("ESCROW-SHARE", "文件不是托管密钥分片。", "请核对分片文件。"))
}

pub(super) fn escrow(context: &Context, command: &EscrowCommand) -> Result<Output> {
    match command {
        EscrowCommand::Export { out, custodians } => {
            let centre = context.open()?;
            let files = escrow::export(&centre, out, *custodians)?;
            let text = format!(
                "已写出 {} 个分片，任意两个可恢复托管私钥；中心不再保存私钥。请分别交给保管人并删除这里的文件。",
                files.len()
            );
            Ok(Output::new("escrow-export", json!({ "files": files }), text))
        }
        EscrowCommand::Combine { shares, out } => {
            let [a, b] = shares.as_slice() else { return Err(Error::Stored("arguments")) };
            let secret = escrow::combine(&read_share(a)?, &read_share(b)?).ok_or_else(|| {
                Error::refused(
                    "ESCROW-COMBINE",
                    "这两个分片合不出托管私钥。",
                    "请确认是两个不同保管人的分片，且内容没有抄错。",
                )
            })?;
            write_new(out, &secret, 0o600)?;
            let text = format!("托管私钥已写入 {}，用后请销毁。", out.display());
            Ok(Output::new("escrow-combine", json!({ "out": out }), text))
        }
    }
}

pub(super) fn backup(context: &Context, args: &OutFile) -> Result<Output> {
    let centre = context.open()?;
    centre.store().backup(&args.out, centre.key())?;
    centre.record_act("backup", "-")?;
    let bytes = std::fs::read(&args.out).map_err(Error::io("read the copy"))?;
    let body = json!({ "out": args.out, "size": bytes.len(), "sha256": sha256_hex(&bytes) });
    let text = format!(
        "数据库已备份到 {}(加密，同一密钥)。对象目录 objects/ 和 partitions/ 请另行复制。",
        args.out.display()
    );
    Ok(Output::new("backup", body, text))
}

pub(super) fn restore(context: &Context, args: &Restore) -> Result<Output> {
    let folder = Folder::open(&context.settings.data.value)?;
    let _lock = folder.lock()?;
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let key_file = context.settings.key_file.value.as_deref();
    let (key, _) = find_key(&folder, key_file, credentials.as_deref(), &SystemEntropy::new())?;
    let database = folder.database();
    // The copy is opened first (right key, known version), then takes its place by one rename.
    let part = folder.root().join("center.db.restored");
    let what = "restore the database";
    let _ = std::fs::remove_file(&part);
    std::fs::copy(&args.from, &part).map_err(Error::io(what))?;
    drop(SqliteStore::open(&part, &key)?);
    let mut old = database.clone().into_os_string();
    old.push(".before-restore");
    let old = PathBuf::from(old);
    if database.exists() {
        // Closing the last connection folds the write-ahead log in.
        drop(SqliteStore::open(&database, &key)?);
        std::fs::rename(&database, &old).map_err(Error::io(what))?;
    }
    for suffix in ["-wal", "-shm"] {
        let mut stale = database.clone().into_os_string();
        stale.push(suffix);
        let _ = std::fs::remove_file(PathBuf::from(stale));
    }
    std::fs::rename(&part, &database).map_err(Error::io(what))?;
    sync_dir(folder.root())?;
    let body = json!({ "database": database, "previous": old });
    let text = format!("数据库已恢复；原数据库保留为 {}", old.display());
    Ok(Output::new("restore", body, text))
}
