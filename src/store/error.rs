//! What can go wrong with a store, and how the officer is told.

use spotcheck_domain::Trouble;

/// Errors of opening and using a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be opened with this key, or is no database of ours.
    #[error("cannot be opened: {0}")]
    Open(#[source] rusqlite::Error),
    /// The database file is gone although the case has data: never replaced by an empty one.
    #[error("database file is missing")]
    Missing,
    /// The device's database is gone although it has cases: never replaced by an empty one, which would say that
    /// nothing is there.
    #[error("the device's database file is missing")]
    DeviceMissing,
    /// So many pages are damaged that a line of the journal, or everything, cannot be read. Left as it is.
    #[error("{0} damaged pages")]
    Damaged(usize),
    /// Written by a newer program.
    #[error("schema version {0} is newer than this program")]
    Newer(i64),
    /// A migration failed; the old state is kept.
    #[error("migration {number} failed: {source}")]
    Migration {
        /// Number of the migration.
        number: i64,
        /// Cause.
        #[source]
        source: rusqlite::Error,
    },
    /// Journal lines do not continue the chain.
    #[error("journal line {got} does not follow {last}")]
    Sequence {
        /// Last sequence number stored.
        last: u64,
        /// Sequence number offered.
        got: u64,
    },
    /// Reading or writing failed.
    #[error("database: {0}")]
    Sql(#[from] rusqlite::Error),
    /// The folder cannot be made or synced.
    #[error("folder: {0}")]
    Io(#[from] std::io::Error),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        let full = matches!(&error, StoreError::Sql(rusqlite::Error::SqliteFailure(e, _))
                | StoreError::Open(rusqlite::Error::SqliteFailure(e, _))
            if e.code == rusqlite::ErrorCode::DiskFull
                || e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
            || matches!(&error, StoreError::Io(e) if e.kind() == std::io::ErrorKind::StorageFull);
        let trouble = if full {
            Self::new(
                "STORE-DISK-FULL",
                "存储空间已满，这一步没有保存",
                "此前已确认的记录、证据都在",
                "先回传或导出已封存的证据包，腾出空间后重做这一步",
            )
            .retry()
        } else {
            match &error {
                StoreError::Open(_) => Self::new(
                    "STORE-OPEN",
                    "案卷数据库打不开：密钥不符或文件损坏",
                    "文件原样保留，没有改动，也没有新建空库",
                    "不要删除任何文件，用“救援导出”交中心恢复",
                ),
                StoreError::Damaged(_) => Self::new(
                    "STORE-DAMAGED",
                    "案卷数据库的存储页已损坏，日志不能完整读出",
                    "文件原样保留，没有改动，也没有新建空库；加密的证据文件不受影响",
                    "不要删除任何文件，用第二副本或“救援导出”交中心恢复",
                ),
                StoreError::Missing => Self::new(
                    "STORE-MISSING",
                    "案卷数据库文件不见了",
                    "其余加密证据文件原样保留，没有新建空库",
                    "用“救援导出”交中心恢复",
                ),
                StoreError::DeviceMissing => Self::new(
                    "STORE-DEVICE-MISSING",
                    "本机数据库文件不见了，任务和待回传清单读不出来",
                    "各案卷及其加密证据原样保留，没有新建空库",
                    "不要删除任何文件，用“救援导出”带走全部案卷交中心恢复",
                ),
                StoreError::Newer(_) => Self::new(
                    "STORE-NEWER",
                    "案卷由更新版本的程序写入，本版本不能打开",
                    "案卷没有改动",
                    "请升级本机程序后再打开",
                ),
                StoreError::Migration { .. } => Self::new(
                    "STORE-MIGRATION",
                    "案卷数据库升级没有成功",
                    "升级已撤销，原数据完整保留",
                    "请勿删除文件，联系技术支持",
                ),
                _ => Self::new(
                    "STORE-WRITE",
                    "这一步没有保存成功",
                    "此前已确认的记录、证据都在",
                    "请重做这一步；仍不成功时换用另一台手持机",
                )
                .retry(),
            }
        };
        trouble.because(error)
    }
}
