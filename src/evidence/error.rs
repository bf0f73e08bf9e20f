//! What can go wrong while a bundle is written.
//!
//! Judging a bundle has no errors of this kind: whatever is wrong with one is a finding of the report
//! (`verify::report`). Only a value that cannot be written or a source that cannot be read ends up here.

use spotcheck_domain::{CanonicalError, Trouble};

/// Error of the writing half, and of reading single values back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// A value has no RFC 8785 form, or bytes are not in it.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A value does not fit its `/1` schema.
    #[error("{schema}: {at} does not fit the schema")]
    Schema {
        /// Name of the schema, e.g. `spotcheck-record/1`.
        schema: &'static str,
        /// Where in the value, e.g. `evidence[0].captured.begun`.
        at: String,
    },
    /// A document names a schema that this program does not know.
    #[error("schema is not {expected}")]
    OtherSchema {
        /// The schema that was expected.
        expected: &'static str,
    },
    /// A journal line does not follow from the line before it.
    #[error("journal line {line}: {fault}")]
    Chain {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        fault: crate::journal::ChainFault,
    },
    /// A name that no bag may hold (not `[A-Za-z0-9._-]`, too long, twice).
    #[error("not a name for a file of a bag, or twice the same")]
    BagPath,
    /// The bytes streamed do not have the size or the checksum that was announced.
    #[error("content differs from the announced size or checksum")]
    Announced,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A structure is not DER or not the ASN.1 type expected.
    #[error("ASN.1: {0}")]
    Der(#[from] der::Error),
    /// The private key is unusable or refused to sign.
    #[error("the key cannot sign: {0}")]
    Key(&'static str),
    /// The certificate chain to embed is empty or belongs to another key.
    #[error("the certificate does not belong to the key")]
    OtherCertificate,
    /// A signature does not hold; the stable code says why (see `verify::CODES`).
    #[error("signature refused: {0}")]
    Signature(&'static str),
    /// A PEM text holds no certificate or a damaged one.
    #[error("not a PEM certificate")]
    Pem,
    /// A key, checkpoint or proof of the log is malformed or does not hold.
    #[error("log: {0}")]
    Log(#[from] crate::tlog::LogFault),
}

impl From<EvidenceError> for Trouble {
    fn from(error: EvidenceError) -> Self {
        let (code, message, advice) = match &error {
            EvidenceError::Canonical(_) => {
                ("EVIDENCE-CANONICAL", "记录内容无法按规定格式写出", "请把错误代码和时间告诉中心")
            }
            EvidenceError::Schema { .. } | EvidenceError::OtherSchema { .. } => (
                "EVIDENCE-SCHEMA",
                "案卷内容不符合证据包格式",
                "请按提示补全内容后重试；仍不行请联系维护人员",
            ),
            EvidenceError::Chain { .. } => (
                "EVIDENCE-CHAIN",
                "日志链条不连续",
                "请立即停止在本机继续取证，并把设备交回中心检查",
            ),
            EvidenceError::BagPath => {
                ("EVIDENCE-PATH", "证据文件名不合规定", "请把错误代码和时间告诉中心")
            }
            EvidenceError::Announced => (
                "EVIDENCE-CONTENT",
                "证据文件的内容与登记的哈希或大小不一致",
                "请不要删除任何文件，并联系维护人员",
            ),
            EvidenceError::Io(_) => {
                ("EVIDENCE-IO", "读写证据文件失败", "请检查存储空间与介质后重试")
            }
            EvidenceError::Der(_) | EvidenceError::Pem => {
                ("EVIDENCE-ENCODING", "证书或签名文件的编码有误", "请联系中心重新签发证书")
            }
            EvidenceError::Key(_) => {
                ("EVIDENCE-KEY", "签名密钥不可用", "请重新解锁后再试；仍不行请联系中心")
            }
            EvidenceError::OtherCertificate => {
                ("EVIDENCE-CERTIFICATE", "签名证书与密钥不匹配", "请联系中心重新签发证书")
            }
            EvidenceError::Signature(_) => {
                ("EVIDENCE-SIGNATURE", "签名不成立", "请不要使用这些内容，并联系中心核实来源")
            }
            EvidenceError::Log(_) => {
                ("EVIDENCE-LOG", "中心存证日志的证明不成立", "请稍后重新同步；再次出现时请报告中心")
            }
        };
        let retryable = matches!(error, EvidenceError::Io(_) | EvidenceError::Log(_));
        let trouble =
            Self::new(code, message, "已采集的证据和已封存的证据包没有改动", advice).because(error);
        if retryable { trouble.retry() } else { trouble }
    }
}
