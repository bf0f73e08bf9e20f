//! The Slint files and the code generated from them.
