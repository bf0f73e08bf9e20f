//! What is captured, and how it is looked at and listened to.

pub(crate) mod capture;
pub(crate) mod cover;
pub(crate) mod describe;
pub(crate) mod opening;
pub(crate) mod pages;
pub(crate) mod pictures;
pub(crate) mod player;
pub(crate) mod timeline;
