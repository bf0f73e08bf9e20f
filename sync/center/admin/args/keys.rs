//! Arguments of the intake keys.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(in crate::admin) enum KeyCommand {
    /// 更换接收密钥:旧的留着打开已加密的,手持机下次同步时得到新的 / a new intake key; old ones are kept
    Rotate,
    /// 列出接收密钥和还要用它的手持机、证据包 / keys, and who still needs each
    List,
    /// 停用旧的接收密钥,销毁私钥 / destroy the private half of an old key
    Retire {
        /// 密钥编号 / id of the key
        #[arg(long, value_name = "ID")]
        id: String,
        /// 不会再回来的手持机,逗号分隔 / handhelds that never come back
        #[arg(long, value_name = "DEVICE,…", value_delimiter = ',')]
        lost: Vec<String>,
    },
}
