//! What can go wrong with claims data, and how it is said to a person.
//!
//! One enum for the crate; the border to screens and command lines is `From<Error> for Trouble`. Messages
//! carry names of files, tables, columns and our own ids, never a value from a table.

use spotcheck_domain::Trouble;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that stops an import, a package build, or reading a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the file's own name.
        what: String,
        /// The system's message.
        source: std::io::Error,
    },
    /// The database said no.
    #[error("{what}: {source}")]
    Sql {
        /// What was being done.
        what: String,
        /// SQLite's message.
        source: rusqlite::Error,
    },
    /// Tables that every import must bring are not there.
    #[error("missing tables: {}", .0.join(", "))]
    MissingTables(Vec<String>),
    /// A source file as a whole cannot be read.
    #[error("{file}: {reason}")]
    Source {
        /// The file's name inside the directory or ZIP.
        file: String,
        /// Why, in words for the clerk.
        reason: String,
    },
    /// A table that somebody handed over on site cannot be read.
    #[error("table {file}, {place}: {reason}")]
    Table {
        /// The file's name.
        file: String,
        /// Sheet, row, column as far as they are known; empty for the whole file.
        place: String,
        /// Why, in words for the officer.
        reason: String,
    },
    /// Somebody asked to stop.
    #[error("stopped")]
    Stopped,
    /// The mapping file is wrong, or one of its queries failed or was refused.
    #[error("mapping {file}, {place}: {message}")]
    Mapping {
        /// Name of the mapping file.
        file: String,
        /// The section, e.g. `entity.mdtrt_d`.
        place: String,
        /// What SQLite or the TOML reader said.
        message: String,
    },
    /// A port of the caller refused.
    #[error("{0}")]
    Port(Trouble),
    /// There is nothing to build a package from.
    #[error("no claims of facility {0}")]
    NoFacility(String),
    /// A partition file is not what the catalogue says.
    #[error("partition {name}: {reason}")]
    Partition {
        /// Name of the file.
        name: String,
        /// What is off.
        reason: String,
    },
    /// The manifest is not canonical `spotcheck-package/1`.
    #[error("package.json: {0}")]
    Manifest(String),
    /// The manifest or a database is of a schema that this program does not read.
    #[error("schema {found} is not {wanted}")]
    Schema {
        /// As found.
        found: String,
        /// As this program reads.
        wanted: String,
    },
    /// A file of the package is missing or has another size or hash.
    #[error("package file {file}: {reason}")]
    PackageFile {
        /// `claims.db` or `reference.db`.
        file: String,
        /// `missing`, `size`, `sha256`.
        reason: &'static str,
    },
    /// The key does not open `claims.db`.
    #[error("claims.db does not open with this key")]
    PackageKey,
    /// A count or a money sum is not that of the manifest.
    #[error("table {table}: {what} differs from package.json")]
    PackageCount {
        /// The table.
        table: String,
        /// `rows` or a money column.
        what: String,
    },
    /// A page failed its HMAC after the package had been checked.
    #[error("a page of table {table} failed its check: {cause}")]
    PackagePage {
        /// The table that was being read.
        table: String,
        /// SQLite's message.
        cause: String,
    },
    /// A value of ours has no canonical or stored form.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Adds what was being done to an I/O error.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Adds what was being done to a database error.
    pub(crate) fn sql(what: &str) -> impl FnOnce(rusqlite::Error) -> Self + '_ {
        move |source| Self::Sql { what: what.to_owned(), source }
    }

    /// True if trying again later may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Io { .. } => true,
            Self::Port(trouble) => trouble.retryable,
            _ => false,
        }
    }
}

const IMPORT_SAFE: &str = "已入库的数据没有改动";
const PACKAGE_SAFE: &str = "原有数据包和已采集的证据都没有改动";

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        let trouble = match &error {
            Error::Port(trouble) => return trouble.clone(),
            Error::Io { what, .. } => Self::new(
                "CLAIMS-IO",
                &format!("读写文件失败：{what}"),
                IMPORT_SAFE,
                "检查磁盘空间和文件权限后重试",
            )
            .retry(),
            Error::Sql { what, .. } => Self::new(
                "CLAIMS-SQL",
                &format!("数据库操作失败：{what}"),
                IMPORT_SAFE,
                "重试；仍失败请把错误代码和时间告诉中心",
            ),
            Error::MissingTables(tables) => Self::new(
                "CLAIMS-IMPORT-MISSING-TABLE",
                &format!("缺少必需的表：{}", tables.join("、")),
                IMPORT_SAFE,
                "补齐这些文件，或用映射文件说明它们从哪里来",
            )
            .as_verdict(),
            Error::Source { file, reason } => Self::new(
                "CLAIMS-IMPORT-FILE",
                &format!("文件 {file} 无法读取：{reason}"),
                IMPORT_SAFE,
                "请提供方重新导出该文件",
            )
            .as_verdict(),
            Error::Table { file, place, reason } => {
                let comma = if place.is_empty() { "" } else { "," };
                Self::new(
                    "CLAIMS-TABLE",
                    &format!("文件 {file}{comma}{place}:{reason}"),
                    "数据包和已采集的证据都没有改动",
                    "请机构重新导出，另存为 XLSX 或 CSV 后再取一次",
                )
                .as_verdict()
            }
            Error::Stopped => {
                Self::new("CLAIMS-STOPPED", "已按要求停下", "没有改动任何数据", "需要时重新开始")
            }
            Error::Mapping { file, place, message } => Self::new(
                "CLAIMS-IMPORT-MAPPING",
                &format!("映射文件 {file} 的 {place} 出错：{message}"),
                IMPORT_SAFE,
                "按提示修改映射文件后重试",
            )
            .as_verdict(),
            Error::NoFacility(code) => Self::new(
                "CLAIMS-NO-FACILITY",
                &format!("库中没有机构 {code} 的数据"),
                IMPORT_SAFE,
                "先导入该机构的数据",
            ),
            Error::Partition { name, reason } => Self::new(
                "CLAIMS-PARTITION",
                &format!("分区文件 {name} 有误：{reason}"),
                "其他分区不受影响",
                "从备份恢复该文件，或重新导入该机构该月的数据",
            ),
            Error::Manifest(_) => Self::new(
                "CLAIMS-PACKAGE-MANIFEST",
                "数据包清单 package.json 格式不对",
                PACKAGE_SAFE,
                "重新下载数据包",
            )
            .as_verdict(),
            Error::Schema { found, wanted } => Self::new(
                "CLAIMS-PACKAGE-SCHEMA",
                &format!("数据包版本 {found} 不能由本程序读取(本程序读取 {wanted})"),
                PACKAGE_SAFE,
                "升级本程序后再打开",
            )
            .as_verdict(),
            Error::PackageFile { file, reason } => Self::new(
                "CLAIMS-PACKAGE-HASH",
                &format!("数据包文件 {file} 与清单不符({reason})"),
                PACKAGE_SAFE,
                "重新下载数据包",
            )
            .as_verdict(),
            Error::PackageKey => Self::new(
                "CLAIMS-PACKAGE-KEY",
                "数据包不能用本机的密钥打开",
                PACKAGE_SAFE,
                "重新下载数据包；仍不行请中心重新授权本机",
            )
            .as_verdict(),
            Error::PackageCount { table, .. } => Self::new(
                "CLAIMS-PACKAGE-COUNT",
                &format!("数据包中表 {table} 的行数或金额与清单不符"),
                PACKAGE_SAFE,
                "重新下载数据包",
            )
            .as_verdict(),
            Error::PackagePage { table, .. } => Self::new(
                "CLAIMS-PACKAGE-PAGE",
                &format!("数据包中表 {table} 有一页校验失败，已停止读取"),
                "已采集的证据没有改动",
                "对数据包做完整检查，必要时重新下载",
            )
            .as_verdict(),
            Error::Internal(_) => Self::new(
                "CLAIMS-INTERNAL",
                "程序内部错误",
                IMPORT_SAFE,
                "请把错误代码和时间告诉中心",
            ),
        };
        trouble.because(cause)
    }
}
