//! Records: parties, answers, forms, signatures, print.

pub(crate) mod document;
pub(crate) mod draft;
pub(crate) mod interview;
pub(crate) mod party;
pub(crate) mod print;
pub(crate) mod served;
pub(crate) mod sign;
