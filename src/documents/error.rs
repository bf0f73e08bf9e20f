//! What can go wrong with a form, and how it is said to a person.
//!
//! No variant carries a value of a form: keys, code points and positions in our own templates only, so
//! that an error may be logged.

use spotcheck_domain::{CanonicalError, Trouble};

use crate::printable::Unprintable;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No form of this id is known.
    #[error("no form of this id")]
    UnknownForm,
    /// The form has no field of this key, or the program alone fills it.
    #[error("the form has no such field that may be filled")]
    UnknownField,
    /// The elements do not fit the form (missing or unknown members).
    #[error("elements do not fit form {form}")]
    Shape {
        /// The form.
        form: String,
    },
    /// Required fields are empty.
    #[error("{} required fields are empty", .0.len())]
    Incomplete(Vec<String>),
    /// Characters that cannot be put on paper.
    #[error("{} characters cannot be printed", .0.len())]
    Unprintable(Vec<Unprintable>),
    /// The elements have no canonical form, or the elements file is not in it.
    #[error("elements are not canonical JSON")]
    Canonical(#[source] CanonicalError),
    /// The elements file was made with a template that this program does not have.
    #[error("another template than {0} of this program")]
    OtherTemplate(String),
    /// A template does not compile, or its pages do not conform to PDF/A-2b.
    #[error("template failed at {0}")]
    Template(String),
    /// A page or size that does not exist.
    #[error("no such page or size")]
    NoSuchPage,
    /// The embedded font cannot be read: a broken build.
    #[error("the embedded font cannot be read")]
    Font,
    /// A date outside the calendar.
    #[error("time of freezing outside the calendar")]
    Time,
    /// The page code does not fit a QR symbol or has forbidden characters.
    #[error("page code does not fit")]
    PageCode,
}

impl From<CanonicalError> for Error {
    fn from(error: CanonicalError) -> Self {
        Self::Canonical(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let safe = "已录入的内容和证据都已保存。";
        let trouble = match &error {
            Error::UnknownForm => {
                Self::new("DOC-FORM-UNKNOWN", "没有这种文书。", safe, "请从文书列表中选择。")
            }
            Error::UnknownField => Self::new(
                "DOC-FIELD-UNKNOWN",
                "该文书没有这一栏，或该栏由程序填写。",
                safe,
                "请按文书中列出的栏目填写。",
            ),
            Error::Shape { .. } => Self::new(
                "DOC-ELEMENTS-SHAPE",
                "文书要素与文书格式不符。",
                safe,
                "请升级程序后重试；如仍出现，请把错误代码和时间告诉中心。",
            ),
            Error::Incomplete(names) => Self::new(
                "DOC-INCOMPLETE",
                &format!("还有 {} 项未填写：{}。", names.len(), names.join("、")),
                safe,
                "请补填后再定稿；不适用的栏目可以留空，打印时自动划去。",
            ),
            Error::Unprintable(list) => Self::new(
                "DOC-UNPRINTABLE",
                &format!(
                    "有 {} 处字符无法印在纸面上：{}。",
                    list.len(),
                    list.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join("、")
                ),
                safe,
                "请改用其他写法(如生僻字改写为拼音并注明)后再定稿。",
            ),
            Error::Canonical(_) => Self::new(
                "DOC-ELEMENTS-FILE",
                "文书要素文件的格式不对。",
                safe,
                "该文件可能被改动过，请以封存时的校验结果为准。",
            ),
            Error::OtherTemplate(_) => Self::new(
                "DOC-TEMPLATE-OTHER",
                "这份文书使用了另一版本的模板，本机无法重新排版。",
                "定稿时的 PDF 仍在证据包中。",
                "请直接使用定稿时的 PDF。",
            ),
            Error::Template(_) | Error::Font | Error::Time => Self::new(
                "DOC-TEMPLATE",
                "文书排版失败。",
                safe,
                "请把错误代码和时间告诉中心；现场可先使用纸质空白文书并拍照存入。",
            ),
            Error::NoSuchPage => Self::new("DOC-PAGE", "没有这一页。", safe, "请重新打开该文书。"),
            Error::PageCode => Self::new(
                "DOC-PAGE-CODE",
                "页面二维码无法生成。",
                safe,
                "请把错误代码和时间告诉中心。",
            ),
        };
        trouble.because(&error)
    }
}
