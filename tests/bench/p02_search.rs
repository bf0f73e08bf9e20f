//! stub
use anyhow::Result;
use serde_json::Value;
pub(crate) fn measure(_: &mut crate::report::Report, _: crate::data::Scale) -> Result<()> {
    anyhow::bail!("later")
}
pub(crate) fn run(_: &[String]) -> Result<Value> {
    anyhow::bail!("later")
}
