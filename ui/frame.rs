//! What stands around every screen: places, status, recording bar, keyboard, sentences that pass by.

pub(crate) mod coach;
pub(crate) mod errand;
pub(crate) mod ink;
pub(crate) mod keyboard;
pub(crate) mod left;
pub(crate) mod noticed;
pub(crate) mod phrases;
pub(crate) mod place;
pub(crate) mod recording;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod toast;
pub(crate) mod trouble;
pub(crate) mod typing;
