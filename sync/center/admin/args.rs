//! Arguments, in both languages.

mod after;
mod keys;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub(super) use keys::KeyCommand;
use spotcheck_domain::reference::EntryKind;
use spotcheck_domain::vocabulary::{CredentialKind, Mode};

pub(super) use after::{
    FindingCommand, FindingItem, FindingList, FindingSet, GuardedArgs, IndicatorsArgs,
};

/// 现场稽核中心 / The centre of Spotcheck.
#[derive(Debug, Parser)]
#[command(name = "spotcheck-center", version, propagate_version = true)]
pub struct Cli {
    /// 数据目录 / data folder [default: /var/lib/spotcheck-center]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// 数据库密钥文件,0600 / database key file [default: DATA.key beside the data folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// 配置文件 / configuration file [default: /etc/spotcheck/center.toml, where it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// 输出一个 JSON 对象 / print one JSON object
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// True for `serve`.
    #[must_use]
    pub const fn serves(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// 启动服务 / serve handhelds
    Serve(Serve),
    /// 导入结算数据 / import claims
    Import(Import),
    /// 拒收的行：行号、列和原因，或写成 CSV 供修改 / rows that an import rejected: place and reason, or as CSV to be mended
    Rejects(Rejects),
    /// 定点机构 / facilities
    #[command(subcommand)]
    Facilities(Facilities),
    /// 检查任务 / inspection tasks
    #[command(subcommand)]
    Task(TaskCommand),
    /// 数据包 / data packages
    #[command(subcommand)]
    Package(PackageCommand),
    /// 手持机 / handhelds
    #[command(subcommand)]
    Device(DeviceCommand),
    /// 检查人员 / officers
    #[command(subcommand)]
    Officer(OfficerCommand),
    /// 登记票 / tickets for enrolment
    #[command(subcommand)]
    Ticket(TicketCommand),
    /// 证据包 / evidence bundles
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// 透明日志 / transparency log
    #[command(subcommand)]
    Log(LogCommand),
    /// 导出证据信任根 / write the roots for evidence signatures
    Roots(OutFile),
    /// 手持机策略；政策与目录资料 / policy for handhelds; reference data for packages
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// 配置 / configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// 托管密钥 / escrow key
    #[command(subcommand)]
    Escrow(EscrowCommand),
    /// 接收密钥 / intake keys: what handhelds seal evidence for
    #[command(subcommand)]
    Key(KeyCommand),
    /// 备份数据库(加密副本)/ encrypted copy of the database
    Backup(OutFile),
    /// 从备份恢复数据库 / put a copy in place of the database
    Restore(Restore),
    /// 对机构的数据运行规则 / run the rules over a facility
    Audit(Audit),
    /// 规则包 / rule packs above the national one
    #[command(subcommand)]
    Rulepack(RulepackCommand),
    /// 线索的后续办理 / what becomes of findings after the site
    #[command(subcommand)]
    Finding(FindingCommand),
    /// 机构的指标和预警 / indicators and warnings of a facility
    Indicators(IndicatorsArgs),
    /// 统方防护：谁一天打开了多少次 / who opened how many guarded breakdowns
    Guarded(GuardedArgs),
    /// 生成演示数据 / make demo data
    DemoData(DemoData),
}

#[derive(Debug, Subcommand)]
pub(super) enum RulepackCommand {
    /// 检查规则包并在历史数据上试运行 / read, verify and try a pack on history
    Check {
        /// 规则包目录，或手持机交来的草案文件 / folder of the pack, or a draft file of a handheld
        folder: PathBuf,
    },
    /// 使签过名的规则包生效 / put a signed pack in force
    Add {
        /// 规则包目录，或手持机交来的草案文件 / folder of the pack, or a draft file of a handheld
        folder: PathBuf,
    },
    /// 以中心的名义签名 / sign by the centre
    Sign {
        /// 规则包目录，或手持机交来的草案文件 / folder of the pack, or a draft file of a handheld
        folder: PathBuf,
    },
    /// 列出生效的规则包 / packs in force
    List,
    /// 现场自编、随卷宗交来的规则；另存后用 check、sign、add 采用 / rules composed on site that came with bundles
    Offers {
        /// 只看这一卷宗 / of this bundle only
        #[arg(long, value_name = "EVID")]
        bundle: Option<String>,
        /// 把该卷宗的规则另存为文件 / write the rules of that bundle as a draft file
        #[arg(long, requires = "bundle", value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// 停用 / take out of force
    Remove {
        /// 名称 / name
        name: String,
    },
    /// 现场核查后的误报统计 / what became of the findings of each rule on site
    Stats {
        /// 只看这条规则 / this rule only
        #[arg(long, value_name = "ID")]
        rule: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct OutFile {
    /// 输出文件 / file to write
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// 监听地址 / address to listen on [default: 127.0.0.1:8443]
    #[arg(long)]
    pub(super) listen: Option<SocketAddr>,
    /// 对外名称或地址，可重复 / public name or address, repeatable
    #[arg(long, value_name = "NAME")]
    pub(super) public_name: Vec<String>,
    /// 时间戳服务地址 / URL of an RFC 3161 authority
    #[arg(long, value_name = "URL")]
    pub(super) tsa: Option<String>,
    /// 时间戳服务的信任根 / its roots, PEM
    #[arg(long, value_name = "FILE")]
    pub(super) tsa_roots: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// 目录或 ZIP / directory or ZIP
    #[arg(long, value_name = "DIR")]
    pub(super) from: PathBuf,
    /// 映射文件 / mapping file
    #[arg(long, value_name = "FILE")]
    pub(super) mapping: Option<PathBuf>,
    /// 未写明机构的行归于此机构 / facility of rows that name none
    #[arg(long, value_name = "CODE")]
    pub(super) facility: Option<String>,
    /// 只检查，不写入 / check only
    #[arg(long)]
    pub(super) check: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rejects {
    /// 导入批次；不写则为最近一次 / number of the import [default: the newest]
    #[arg(long, value_name = "ID")]
    pub(super) import: Option<String>,
    /// 最多列出几行 / rows at most
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(super) limit: u32,
    /// 写出哪个数据表 / table to be written
    #[arg(long, value_name = "TABLE", requires = "to")]
    pub(super) table: Option<String>,
    /// 写成 CSV，改好后可再导入(留痕) / CSV that can be imported once mended; the act is recorded
    #[arg(long, value_name = "FILE", requires = "table")]
    pub(super) to: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Facilities {
    /// 列出 / list
    List {
        /// 排序:code 按编号,findings 按待核查线索的金额 / by code, or by the money that findings are about
        #[arg(long, value_enum, default_value_t = FacilityOrder::Code)]
        by: FacilityOrder,
    },
}

/// How facilities are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FacilityOrder {
    /// By code.
    Code,
    /// By what the rules found.
    Findings,
}

#[derive(Debug, Args)]
pub(super) struct Audit {
    /// 机构；不写则逐一运行全部机构 / facility; else all, one after the other
    #[arg(long, value_name = "CODE")]
    pub(super) facility: Option<String>,
    /// 只列这段时间的事实,yyyy-MM-dd..yyyy-MM-dd / facts of this period only
    #[arg(long, value_name = "FROM..TO")]
    pub(super) period: Option<String>,
    /// 只运行这些规则，逗号分隔 / these rules only
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    pub(super) rules: Option<Vec<String>>,
    /// 每条疑点一行 JSON / one finding a line
    #[arg(long)]
    pub(super) json_lines: bool,
    /// 数据和规则未变也重新运行 / run again even where nothing has changed
    #[arg(long)]
    pub(super) again: bool,
    /// 导出疑点:.csv .xlsx .json(留痕) / write a file, the form by its ending; the act is recorded
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json_lines", "draft"])]
    pub(super) export: Option<PathBuf>,
    /// 导出给当事人：只含现场认定属实的事实、说明和法定义务 / for the party: facts confirmed on site and duties only
    #[arg(long, requires = "export")]
    pub(super) party: bool,
    /// 试运行规则包草案，列出会有的变化，不存任何结果 / try a draft pack and tell what would change
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["json_lines", "again"])]
    pub(super) draft: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DemoData {
    /// 输出目录 / directory to make
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// 随机种子 / seed
    #[arg(long, default_value_t = spotcheck_claims::DemoOptions::default().seed)]
    pub(super) seed: u64,
    /// 规模 / scale
    #[arg(long, default_value_t = 1)]
    pub(super) scale: u32,
    /// 埋入已知的问题、临界情形和自然情形，并写出 truth.csv / plant known violations, near misses and traps
    #[arg(long)]
    pub(super) truth: bool,
    /// 费用明细约多少条,至少每种情形各讲一次 / about how many fee lines; every story is told once at least
    #[arg(long, value_name = "N")]
    pub(super) lines: Option<u64>,
    /// 有问题的明细占千分之几 / share of lines that violations are about
    #[arg(long, value_name = "PERMILLE")]
    pub(super) wrong: Option<u32>,
    /// 不埋入问题，只有自然情形 / no violation, only natural causes
    #[arg(long)]
    pub(super) clean: bool,
    /// 按病组付费的住院占百分之几 / share of stays that are paid by group
    #[arg(long, value_name = "PERCENT")]
    pub(super) grouped: Option<u32>,
    /// 只埋入几类问题，由种子选出；0 为全部 / only so many kinds of violations, picked by the seed; 0 for all
    #[arg(long, value_name = "N")]
    pub(super) kinds: Option<u32>,
    /// 每百万条明细有多少临界和自然情形 / near misses and natural causes per million lines
    #[arg(long, value_name = "N")]
    pub(super) near: Option<u32>,
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    let known = || Mode::ALL.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(", ");
    Mode::parse(text).ok_or_else(known)
}

fn parse_credential(text: &str) -> Result<CredentialKind, String> {
    CredentialKind::parse(text).ok_or_else(|| "enforcement, work".to_owned())
}

fn parse_period(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once("..").ok_or("yyyy-MM-dd..yyyy-MM-dd")?;
    Ok((from.to_owned(), to.to_owned()))
}

#[derive(Debug, Args)]
pub(super) struct TaskNew {
    /// 任务编号 / id [default: made]
    #[arg(long)]
    pub(super) id: Option<String>,
    /// 定点机构编号 / facility code
    #[arg(long, value_name = "CODE", required_unless_present = "top")]
    pub(super) facility: Option<String>,
    /// 为排序最前的 N 家机构各建一个任务，已有未办结任务的跳过 / a task for each of the first N ranked facilities
    #[arg(long, value_name = "N", conflicts_with_all = ["id", "facility", "document_number"])]
    pub(super) top: Option<usize>,
    /// 检查人员编号，逗号分隔，至少两名 / officer ids, at least two
    #[arg(long, value_delimiter = ',', required = true)]
    pub(super) officers: Vec<String>,
    /// 手持机编号，逗号分隔 / device ids
    #[arg(long, value_delimiter = ',', required = true)]
    pub(super) devices: Vec<String>,
    /// 检查期间 / period, yyyy-MM-dd..yyyy-MM-dd
    #[arg(long, value_parser = parse_period, value_name = "FROM..TO")]
    pub(super) period: (String, String),
    /// 任务名称 / title
    #[arg(long)]
    pub(super) title: String,
    /// 检查方式 / mode: enforcement, flight, joint, agreement, daily
    #[arg(long, value_parser = parse_mode, default_value = "enforcement")]
    pub(super) mode: Mode,
    /// 法律依据，可重复 / legal basis, repeatable
    #[arg(long)]
    pub(super) basis: Vec<String>,
    /// 文号 / document number
    #[arg(long)]
    pub(super) document_number: Option<String>,
    /// 演练任务：文书有水印，不上传，可随时清除 / a task to learn on
    #[arg(long)]
    pub(super) practice: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum TaskCommand {
    /// 新建 / new
    New(Box<TaskNew>),
    /// 列出 / list
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum PackageCommand {
    /// 为任务生成数据包 / build the package of a task
    Build {
        /// 任务编号 / task id
        #[arg(long, value_name = "ID")]
        task: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Id {
    /// 编号 / id
    #[arg(long)]
    pub(super) id: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// 列出 / list
    List,
    /// 停用 / revoke
    Revoke(Id),
}

#[derive(Debug, Args)]
pub(super) struct OfficerAdd {
    /// 编号 / id
    #[arg(long)]
    pub(super) id: String,
    /// 姓名 / name
    #[arg(long)]
    pub(super) name: String,
    /// 单位 / authority or agency
    #[arg(long)]
    pub(super) agency: String,
    /// 证件种类 / credential: enforcement, work
    #[arg(long, value_parser = parse_credential, default_value = "enforcement")]
    pub(super) credential_kind: CredentialKind,
    /// 证件号码 / number of the credential
    #[arg(long)]
    pub(super) credential_number: String,
    /// 有效期至 / valid until, yyyy-MM-dd
    #[arg(long, value_name = "DATE")]
    pub(super) valid_until: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum OfficerCommand {
    /// 登入或更改 / enter or change
    Add(OfficerAdd),
    /// 列出 / list
    List,
    /// 停用 / revoke
    Revoke(Id),
}

#[derive(Debug, Args)]
pub(super) struct TicketArgs {
    /// 编号 / id
    #[arg(long)]
    pub(super) id: String,
    /// 名称(手持机)/ name (handheld)
    #[arg(long)]
    pub(super) name: Option<String>,
    /// 中心地址 / the centre's address [default: as served last]
    #[arg(long, value_name = "URL")]
    pub(super) centre: Option<String>,
    /// 写入文件(0600)而不显示 / write to a file instead of showing it
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum TicketCommand {
    /// 手持机登记票 / for a handheld
    Device(TicketArgs),
    /// 检查人员登记票 / for an officer
    Officer(TicketArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum BundleCommand {
    /// 列出 / list
    List,
    /// 查看状态和错误 / state and errors
    Show {
        /// 证据包编号 / bundle id
        bundle: String,
    },
    /// 导出明文 ZIP(留痕)/ write the plain ZIP (the act is recorded)
    Export {
        /// 证据包编号 / bundle id
        bundle: String,
        /// 输出文件 / file to write
        #[arg(long, value_name = "FILE", required_unless_present = "media")]
        out: Option<PathBuf>,
        /// 另写可跳转播放的录音录像副本(不是证据)到新目录 / copies of recordings that players can seek in
        #[arg(long, value_name = "DIR")]
        media: Option<PathBuf>,
        /// 当事人副本：只含文书 / the party's copy: documents only
        #[arg(long)]
        party: bool,
        /// 当事人副本中另加的文件，可重复 / further files of the party's copy, repeatable
        #[arg(long, value_name = "PATH", requires = "party")]
        include: Vec<String>,
    },
    /// 接收带来的证据包:ZIP、救援导出或第二副本 / take in what was brought: ZIP, rescue export, second copy
    Add {
        /// ZIP 文件，或 EVID-….rescue、CASE-….copy 目录 / ZIP file, or EVID-….rescue or CASE-….copy folder
        file: PathBuf,
        /// 未封存的副本：把案卷密钥交给这台手持机接着办(留痕)/ address an unsealed copy to this handheld
        #[arg(long, value_name = "DEVICE")]
        r#for: Option<String>,
        /// 写出明文(留痕):副本为目录(未签名)，托管私钥打开的救援导出为 ZIP / write it open: folder, or ZIP
        #[arg(long, value_name = "DIR|ZIP")]
        open: Option<PathBuf>,
        /// 用两名保管人合出的托管私钥打开副本或救援导出 / open a copy or a rescue export by the escrow key
        #[arg(long, value_name = "FILE")]
        escrow: Option<PathBuf>,
    },
    /// 接受隔离中的证据包 / accept a quarantined bundle
    Accept {
        /// 证据包编号 / bundle id
        bundle: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum LogCommand {
    /// 显示条目 / show entries
    Show {
        /// 起始序号 / first index
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// 条数 / number of entries
        #[arg(long, default_value_t = 50)]
        count: u64,
    },
    /// 公钥 / verifier key (C2SP vkey)
    Key {
        /// 写入文件 / write to a file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// 当前检查点 / present checkpoint
    Checkpoint,
    /// 追加时间条目 / append a time entry
    Time,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Switch {
    /// 是
    True,
    /// 否
    False,
}

impl Switch {
    pub(super) const fn on(self) -> bool {
        matches!(self, Self::True)
    }
}

#[derive(Debug, Args)]
pub(super) struct PolicySet {
    /// 文件保护时 PIN 最短字符数 / least characters of a PIN under file protection
    #[arg(long)]
    pub(super) pin_min_file: Option<u32>,
    /// 硬件保护时 PIN 最短位数 / least digits of a PIN under hardware protection
    #[arg(long)]
    pub(super) pin_min_hardware: Option<u32>,
    /// 允许文件保护 / allow file protection
    #[arg(long)]
    pub(super) allow_file_protection: Option<Switch>,
    /// 收到回执后保留天数 / days kept after the receipt
    #[arg(long)]
    pub(super) retention_days: Option<u32>,
    /// 无操作锁定分钟数 / idle minutes before locking
    #[arg(long)]
    pub(super) idle_lock_minutes: Option<u32>,
    /// 允许手写板签字 / allow pad signatures
    #[arg(long)]
    pub(super) pad_signatures: Option<Switch>,
    /// 一人一天打开受防护细分超过几次时告警 / guarded breakdowns of one officer on one day, told above N
    #[arg(long, value_name = "N")]
    pub(super) guarded_per_day: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// 显示 / show
    Show,
    /// 更改 / change
    Set(PolicySet),
    /// 导入政策、价格、目录、编码、案例，随数据包下发 / add reference data for packages
    Add(PolicyAdd),
    /// 列出导入的资料及版本 / list what was added, with versions
    List,
}

#[derive(Debug, Args)]
pub(super) struct PolicyAdd {
    /// 文件或目录:txt、md、csv、xlsx、xls、dbf / file or folder
    #[arg(value_name = "FILE|DIR")]
    pub(super) from: PathBuf,
    /// 类别 / kind: article, item, drug, consumable, diagnosis, operation, case, point
    #[arg(long, value_name = "KIND", value_parser = entry_kind)]
    pub(super) kind: Option<EntryKind>,
    /// 生效日期，先于文中所写 / first day in force, before what the text says
    #[arg(long, value_name = "yyyy-MM-dd")]
    pub(super) valid_from: Option<String>,
    /// 失效日期 / last day in force
    #[arg(long, value_name = "yyyy-MM-dd")]
    pub(super) valid_until: Option<String>,
    /// 只读并报告，不写入 / read and report only
    #[arg(long)]
    pub(super) check: bool,
}

fn entry_kind(text: &str) -> Result<EntryKind, String> {
    let all: Vec<&str> = EntryKind::ALL.iter().map(|k| k.as_str()).collect();
    EntryKind::parse(text).ok_or_else(|| format!("类别应为 {}", all.join("、")))
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// 显示每项值及其来源 / each value and where it comes from
    Show,
}

#[derive(Debug, Subcommand)]
pub(super) enum EscrowCommand {
    /// 把托管私钥分成分片发放，之后中心不再保存 / hand out shares, 2 of n, once
    Export {
        /// 输出目录 / directory to write to
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// 保管人数 / custodians
        #[arg(long, default_value_t = 3)]
        custodians: u8,
    },
    /// 用两个分片恢复托管私钥 / put two shares together
    Combine {
        /// 两个分片文件 / two share files
        #[arg(num_args = 2, required = true)]
        shares: Vec<PathBuf>,
        /// 输出文件(0600)/ file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// 备份文件 / copy made by backup
    #[arg(long, value_name = "FILE")]
    pub(super) from: PathBuf,
}
