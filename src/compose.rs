//! Puts configuration and adapters together.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use spotcheck_app::ports::{Locator, NoLocator};
use spotcheck_app::{Handheld, Ports, Software};
use spotcheck_client::CentreClient;
use spotcheck_device::config::Layer;
use spotcheck_device::{DataLock, DeviceConfig, DeviceMachine, Gnss, Playing, SystemClock};
use spotcheck_domain::{Clock, Entropy, Trouble, TroubleResult};
use spotcheck_print::{Configured, Printers};
use spotcheck_store::FileStores;
use spotcheck_ui::FaceOptions;
#[cfg(feature = "pkcs11")]
use spotcheck_vault::{Pkcs11Token, TokenPlace};
use spotcheck_vault::{SystemEntropy, Token, Vault, VaultError, VaultOptions};

use crate::cli::Common;
use crate::glue::{
    CopyRoom, DeviceProbes, LastRounds, PackageFolder, RecorderProcess, ReferenceFolder,
    SpareBlobs, SticksAndPaths, TypstForms, Who, launch,
};

/// Where a handheld keeps its data.
const SYSTEM_DATA: &str = "/var/lib/spotcheck";
/// Where an image puts the device's configuration.
const SYSTEM_DEVICE: &str = "/etc/spotcheck/device.toml";
/// Kept free so that stop, seal and sign always succeed.
const RESERVE_BYTES: u64 = 200_000_000;
/// The log is a ring of two files of this size.
const LOG_BYTES: u64 = 10_000_000;

/// What was configured, and from where.
pub(crate) struct Setup {
    pub(crate) data: PathBuf,
    pub(crate) device_file: Option<PathBuf>,
    pub(crate) device: DeviceConfig,
    pub(crate) reserve_bytes: u64,
    /// What the recorder is started as.
    pub(crate) program: PathBuf,
    /// (name, value, where it comes from)
    pub(crate) sources: Vec<(String, String, String)>,
    /// How the last rounds of second copies went.
    pub(crate) rounds: LastRounds,
}

fn trouble(code: &str, message: &str, advice: &str, cause: impl std::fmt::Display) -> Trouble {
    Trouble::new(code, message, "没有改动任何数据", advice).because(cause)
}

impl Setup {
    /// Defaults < /etc/spotcheck < `--device` < arguments.
    pub(crate) fn read(common: &Common) -> TroubleResult<Self> {
        let (data, data_from) = match &common.data {
            Some(data) => (data.clone(), "--data"),
            None => default_data()?,
        };
        let mut layers = vec![Layer { path: PathBuf::from(SYSTEM_DEVICE), required: false }];
        layers.extend(common.device.iter().map(|f| Layer { path: f.clone(), required: true }));
        let loaded = DeviceConfig::load(&layers).map_err(|cause| {
            trouble("DEVICE-CONFIG", &cause.in_chinese(), "改正配置文件后重试", &cause)
        })?;
        let from = |key: &str| {
            let found = loaded.origins.iter().find(|(dotted, _)| dotted.starts_with(key));
            found.map_or_else(|| "default".to_owned(), |(_, path)| path.display().to_string())
        };
        let show =
            |name: &str, value: String, from: &str| (name.to_owned(), value, from.to_owned());
        let mut sources = vec![
            show("data", data.display().to_string(), data_from),
            show("reserve_bytes", RESERVE_BYTES.to_string(), "default"),
        ];
        let described = serde_json::to_value(&loaded.config).unwrap_or_default();
        for (key, value) in described.as_object().into_iter().flatten() {
            sources.push(show(&format!("device.{key}"), value.to_string(), &from(key)));
        }
        Ok(Self {
            data,
            device_file: common.device.clone(),
            device: loaded.config,
            reserve_bytes: RESERVE_BYTES,
            program: own_program()?,
            sources,
            rounds: LastRounds::default(),
        })
    }

    /// For stories: a data folder, a device file, and the program that the recorder is started as.
    pub(crate) fn at(data: &Path, device: &Path, program: &Path) -> TroubleResult<Self> {
        let common = Common::at(data, device);
        Ok(Self { program: program.to_owned(), ..Self::read(&common)? })
    }

    /// JSON lines with our own ids only, in the data folder.
    pub(crate) fn start_log(&self) -> TroubleResult<()> {
        let failed = |cause: std::io::Error| {
            trouble("DATA-FOLDER", "数据目录不能使用", "检查 --data 的路径、权限和剩余空间", cause)
        };
        spotcheck_vault::create_folder(&self.data).map_err(|cause| {
            trouble("DATA-FOLDER", "数据目录不能使用", "检查 --data 的路径、权限和剩余空间", cause)
        })?;
        let path = self.data.join("spotcheck.log");
        if std::fs::metadata(&path).is_ok_and(|m| m.len() > LOG_BYTES) {
            std::fs::rename(&path, self.data.join("spotcheck.log.1")).map_err(failed)?;
        }
        let file =
            std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        tracing_subscriber::fmt()
            .json()
            .with_writer(Mutex::new(file))
            .with_max_level(tracing::Level::INFO)
            // On a full disk the log has a hole; nobody's screen is written on.
            .log_internal_errors(false)
            .init();
        std::panic::set_hook(Box::new(|info| {
            // Code and place, never the message: it may carry a value.
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "A part of the program stopped.");
        }));
        Ok(())
    }

    /// One writer per data folder.
    pub(crate) fn lock(&self) -> TroubleResult<DataLock> {
        Ok(DataLock::acquire(&self.data)?)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock::new(&self.device.clock))
    }

    /// Listens to the satellite receiver, if one is configured.
    fn gnss(&self) -> Option<Arc<Gnss>> {
        self.device.gnss.gpsd.map(Gnss::listen)
    }

    fn printers(&self) -> Printers {
        let configured = self
            .device
            .printers
            .iter()
            .map(|p| Configured { uri: p.uri.clone(), name: p.name.clone() })
            .collect();
        Printers::new(configured, None)
    }

    /// All adapters behind the use cases.
    pub(crate) fn handheld(&self) -> TroubleResult<Handheld> {
        self.handheld_over(|_, error| Err(error))
    }

    /// The same for the window, which opens also where the key store does not: to say so.
    pub(crate) fn handheld_to_look_at(&self) -> TroubleResult<Handheld> {
        self.handheld_over(|(clock, entropy), error| {
            tracing::error!(%error, "The window opens without the key store.");
            Vault::closed(&self.data, error, clock, entropy, VaultOptions::STANDARD)
        })
    }

    fn handheld_over(
        &self,
        otherwise: impl FnOnce(
            (Arc<dyn Clock>, Arc<dyn Entropy>),
            VaultError,
        ) -> Result<Vault, VaultError>,
    ) -> TroubleResult<Handheld> {
        let gnss = self.gnss();
        let clock: Arc<dyn Clock> =
            Arc::new(SystemClock::new(&self.device.clock).with_gnss(gnss.clone()));
        let locator: Arc<dyn Locator> = match gnss {
            Some(gnss) => gnss,
            None => Arc::new(NoLocator),
        };
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let vault = Vault::open_on(
            &self.data,
            self.device.keys.tcti().as_deref(),
            clock.clone(),
            entropy.clone(),
            VaultOptions::STANDARD,
        )
        .or_else(|error| otherwise((clock.clone(), entropy.clone()), error))?;
        Who::keep(&self.data, &vault);
        vault.set_token(self.token());
        vault.set_spare(Arc::new(SpareBlobs::new(self.copy_room())));
        let build_ms = spotcheck_device::clock::build_time_ms();
        let version = env!("CARGO_PKG_VERSION");
        let packages = self.data.join("packages");
        let centre =
            CentreClient::new(packages.clone(), clock.clone(), entropy.clone(), build_ms, version)?;
        let launch = launch(&self.program, &self.data, self.device_file.as_deref());
        let recorder = RecorderProcess::new(&self.data, launch.clone(), vault.clone());
        let probes = DeviceProbes::new(&self.data, launch, &self.device.speaker, self.printers());
        let shelf = PackageFolder::new(packages);
        Ok(Handheld::new(Ports {
            clock,
            entropy,
            keys: Box::new(vault.clone()),
            blobs: Box::new(vault),
            recorder: Box::new(recorder),
            player: Box::new(Playing::new(&self.device.speaker)),
            packages: Box::new(shelf.clone()),
            references: Box::new(ReferenceFolder::new(shelf, self.data.join("reference"))),
            exports: Box::new(SticksAndPaths::new(&self.device.sticks)),
            forms: Box::new(TypstForms),
            printer: Box::new(self.printers()),
            machine: Box::new(
                DeviceMachine::new(&self.device, &self.data).with_reserve(self.reserve_bytes),
            ),
            locator,
            centre: Arc::new(Mutex::new(centre)),
            stores: Box::new(FileStores::new(&self.data)),
            copies: Box::new(self.copy_room()),
            probes: Box::new(probes),
            software: Software {
                name: "spotcheck".to_owned(),
                version: version.to_owned(),
                build_ms,
            },
        }))
    }

    /// Built without: nobody is asked for one.
    #[cfg(not(feature = "pkcs11"))]
    fn token(&self) -> Option<Box<dyn Token>> {
        None
    }

    /// Where officers' tokens are found, if any is configured.
    #[cfg(feature = "pkcs11")]
    fn token(&self) -> Option<Box<dyn Token>> {
        let keys = &self.device.keys;
        let place = TokenPlace {
            module: keys.token_module.clone()?,
            token: keys.token.clone(),
            key: keys.token_key.clone().unwrap_or_else(|| "spotcheck".to_owned()),
        };
        Some(Box::new(Pkcs11Token::new(place)))
    }

    /// Where second copies lie.
    pub(crate) fn copy_room(&self) -> CopyRoom {
        CopyRoom::new(
            &self.data,
            &self.device.copy,
            self.reserve_bytes,
            DeviceMachine::new(&self.device, &self.data),
            self.clock(),
        )
        .beside(&self.device.sticks, &self.rounds)
    }

    /// The window.
    pub(crate) fn open_window(&self, handheld: Handheld) -> TroubleResult<()> {
        self.copy_room().go_on_beside(handheld.keys_beside());
        let input = Some(crate::text_input());
        let options = FaceOptions { input, ..FaceOptions::new(self.clock()) };
        spotcheck_ui::run(Box::new(handheld), &options).map_err(|cause| {
            trouble(
                "FACE-WINDOW",
                "界面打不开",
                "检查显示器或 WAYLAND_DISPLAY/DISPLAY；也可以使用子命令，见 --help",
                cause,
            )
        })
    }
}

fn own_program() -> TroubleResult<PathBuf> {
    std::env::current_exe()
        .map_err(|cause| trouble("DATA-PROGRAM", "程序找不到自己的文件", "重新安装程序", cause))
}

/// The system's folder where it is ours, else the user's.
fn default_data() -> TroubleResult<(PathBuf, &'static str)> {
    if Path::new(SYSTEM_DATA).is_dir() {
        return Ok((PathBuf::from(SYSTEM_DATA), "default"));
    }
    if let Some(folder) = std::env::var_os("XDG_DATA_HOME").filter(|f| !f.is_empty()) {
        return Ok((PathBuf::from(folder).join("spotcheck"), "XDG_DATA_HOME"));
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).ok_or_else(|| {
        trouble("DATA-FOLDER", "不知道数据目录在哪里", "用 --data 指明数据目录", "no HOME")
    })?;
    Ok((PathBuf::from(home).join(".local/share/spotcheck"), "HOME"))
}
