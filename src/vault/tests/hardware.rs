//! The device secret in a TPM (`swtpm`), and a token as second factor (SoftHSM): tried with the programs that
//! others wrote for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use secrecy::SecretString;
use spotcheck_app::ports::KeyRing;
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_domain::{Clock, ManualClock};

use super::support::{LI, OTHER_PIN, PIN, POLICY, Rig, ZHANG, officer, pin, run};
use crate::{
    KEYS_FILE, Pkcs11Token, SECRET_FILE, SystemEntropy, TPM_FILE, TokenPlace, Vault, VaultOptions,
};

/// Digits are enough where the chip counts.
const DIGITS: &str = "246813";

/// A TPM of our own.
struct Tpm {
    child: Child,
    tcti: String,
    _state: tempfile::TempDir,
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `None` (and a loud line) where swtpm is not installed.
fn tpm(test: &str) -> Option<Tpm> {
    let state = tempfile::tempdir().unwrap();
    // Two ports in a row: commands and control.
    let port = (0..50).find_map(|_| {
        let first = std::net::TcpListener::bind("127.0.0.1:0").ok()?;
        let port = first.local_addr().ok()?.port();
        std::net::TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?;
        Some(port)
    })?;
    let child = Command::new("swtpm")
        .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
        .arg("--tpmstate")
        .arg(format!("dir={}", state.path().display()))
        .arg("--server")
        .arg(format!("type=tcp,port={port},bindaddr=127.0.0.1"))
        .arg("--ctrl")
        .arg(format!("type=tcp,port={},bindaddr=127.0.0.1", port + 1))
        .stderr(Stdio::null())
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("SKIPPED {test}: swtpm cannot be run: {error}");
            return None;
        }
    };
    let tpm = Tpm { child, tcti: format!("swtpm:host=127.0.0.1,port={port}"), _state: state };
    for _ in 0..100 {
        if std::net::TcpStream::connect(("127.0.0.1", port + 1)).is_ok() {
            return Some(tpm);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("swtpm does not answer");
}

fn open(
    dir: &Path,
    clock: &Arc<ManualClock>,
    tcti: Option<&str>,
) -> Result<Vault, crate::VaultError> {
    let clock: Arc<dyn Clock> = clock.clone();
    let data = dir.join("data");
    Vault::open_on(&data, tcti, clock, Arc::new(SystemEntropy), VaultOptions::TESTS_ONLY)
}

/// A handheld on a TPM; 张三 with six digits.
fn rig(tpm: &Tpm) -> Rig {
    let mut rig = Rig::new();
    fs::remove_dir_all(rig.data()).unwrap();
    rig.vault = open(rig.dir.path(), &rig.clock, Some(&tpm.tcti)).unwrap();
    rig.enrol_device(POLICY);
    rig.enrol(ZHANG, "张三", DIGITS);
    rig
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[test]
fn the_chip_counts_wrong_pins_whatever_is_done_to_the_data_folder() {
    const TEST: &str = "the_chip_counts_wrong_pins_whatever_is_done_to_the_data_folder";
    let Some(tpm) = tpm(TEST) else { return };
    let tool = |args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain(["-T", &tpm.tcti]).collect();
        run(TEST, "tpm2_dictionarylockout", &args, b"")
    };
    let setup = ["-s", "-n", "5", "-t", "600", "-l", "600"];
    let Some((set, _)) = tool(&setup) else { return };
    assert!(set, "five tries");
    let mut rig = rig(&tpm);
    assert_eq!(rig.vault.protection(), KeyProtection::Tpm2);
    assert!(rig.data().join(TPM_FILE).exists() && !rig.data().join(SECRET_FILE).exists());
    rig.vault.unlock(&officer(ZHANG), &pin(DIGITS)).unwrap();
    rig.vault.lock();

    let fresh = rig.dir.path().join("before");
    copy(&rig.data(), &fresh);
    let code = |vault: &mut Vault, with: &str| {
        vault.unlock(&officer(ZHANG), &pin(with)).map_or_else(|t| t.code, |()| "open".to_owned())
    };
    for _ in 0..5 {
        // Rolled back before each try: what the folder counts is forgotten, the chip's count is not.
        rig.vault = Rig::new().vault;
        fs::remove_dir_all(rig.data()).unwrap();
        copy(&fresh, &rig.data());
        rig.vault = open(rig.dir.path(), &rig.clock, Some(&tpm.tcti)).unwrap();
        assert_eq!(code(&mut rig.vault, "000000"), "VAULT-PIN-WRONG");
    }
    let locked = rig.vault.unlock(&officer(ZHANG), &pin(DIGITS)).unwrap_err();
    assert_eq!(locked.code, "VAULT-PIN-LOCKED", "not even the right one");
    assert!(locked.retryable);
    assert!(tool(&["-c"]).unwrap().0);
    rig.clock.advance_ms(1_000_000);
    assert_eq!(code(&mut rig.vault, DIGITS), "open");
}

/// R43, and the thief with a copy: another chip, or none, opens nothing and makes nothing new.
#[test]
fn r43_a_copy_of_the_data_folder_is_worth_nothing_without_its_chip() {
    const TEST: &str = "r43_a_copy_of_the_data_folder_is_worth_nothing_without_its_chip";
    let (Some(mine), Some(other)) = (tpm(TEST), tpm(TEST)) else { return };
    let mut rig = rig(&mine);
    rig.unlock(ZHANG, DIGITS);
    let case = rig.case(1);
    rig.vault.create_case(&case, &[officer(ZHANG)]).unwrap();
    let escrow = rig.vault.case_escrow(&case).unwrap();
    let before = fs::read(rig.data().join(KEYS_FILE)).unwrap();
    for tcti in [Some(other.tcti.as_str()), None] {
        let refused = open(rig.dir.path(), &rig.clock, tcti).unwrap_err();
        let code = spotcheck_domain::Trouble::from(refused).code;
        assert!(code.starts_with("VAULT-TPM"), "{code}");
    }
    assert!(fs::read(rig.data().join(KEYS_FILE)).unwrap() == before);
    assert!(!rig.data().join(SECRET_FILE).exists());
    // The way out does not need the chip.
    assert!(crate::sealing::open(&rig.escrow, &escrow).is_some());
    rig.vault = Rig::new().vault;
    rig.vault = open(rig.dir.path(), &rig.clock, Some(&mine.tcti)).unwrap();
    rig.unlock(ZHANG, DIGITS);
    rig.vault.case_key(&case).unwrap();
}

#[test]
fn with_the_chip_no_older_copy_of_the_keys_opens_after_a_shred() {
    const TEST: &str = "with_the_chip_no_older_copy_of_the_keys_opens_after_a_shred";
    let Some(tpm) = tpm(TEST) else { return };
    let mut rig = rig(&tpm);
    rig.unlock(ZHANG, DIGITS);
    let (gone, kept) = (rig.case(1), rig.case(2));
    for case in [&gone, &kept] {
        rig.vault.create_case(case, &[officer(ZHANG)]).unwrap();
    }
    rig.vault = Rig::new().vault;
    let older = fs::read(rig.data().join(KEYS_FILE)).unwrap();
    rig.vault = open(rig.dir.path(), &rig.clock, Some(&tpm.tcti)).unwrap();
    rig.unlock(ZHANG, DIGITS);
    rig.vault.shred_case(&gone).unwrap();
    rig.vault.case_key(&kept).unwrap();
    rig.vault = Rig::new().vault;
    let newer = fs::read(rig.data().join(KEYS_FILE)).unwrap();

    // Whoever kept an image of the disk from before puts it back, on the same device.
    fs::write(rig.data().join(KEYS_FILE), &older).unwrap();
    assert!(open(rig.dir.path(), &rig.clock, Some(&tpm.tcti)).is_err(), "its generation is gone");
    fs::write(rig.data().join(KEYS_FILE), &newer).unwrap();
    rig.vault = open(rig.dir.path(), &rig.clock, Some(&tpm.tcti)).unwrap();
    rig.unlock(ZHANG, DIGITS);
    rig.vault.case_key(&kept).unwrap();
    assert_eq!(rig.vault.case_key(&gone).unwrap_err().code, "VAULT-CASE-SHREDDED");
}

#[test]
fn without_a_tpm_nothing_changes() {
    let rig = Rig::enrolled();
    assert_eq!(rig.vault.protection(), KeyProtection::File);
    // A TPM that is not there, named for a new folder: a file, and it is said.
    let dir = tempfile::tempdir().unwrap();
    let vault = open(dir.path(), &rig.clock, Some("device:/dev/no-such-tpm")).unwrap();
    assert_eq!(vault.protection(), KeyProtection::File);
    // A folder that has its secret in a file keeps it.
    drop(vault);
    assert!(dir.path().join("data").join(SECRET_FILE).exists());
}

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const TOKEN_PIN: &str = "token-7531";

/// Runs this test again with SoftHSM's folder in the environment, which only a new process can have.
fn again_with_softhsm(test: &str) -> bool {
    if std::env::var_os("SOFTHSM2_CONF").is_some() {
        return false;
    }
    if !Path::new(MODULE).exists() {
        eprintln!("SKIPPED {test}: SoftHSM is not installed");
        return true;
    }
    let dir = tempfile::tempdir().unwrap();
    let (tokens, conf) = (dir.path().join("tokens"), dir.path().join("softhsm2.conf"));
    fs::create_dir(&tokens).unwrap();
    fs::write(
        &conf,
        format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display()),
    )
    .unwrap();
    for label in ["zhang", "li"] {
        let made = Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", &conf)
            .args([
                "--init-token",
                "--free",
                "--label",
                label,
                "--so-pin",
                "so-pin-9999",
                "--pin",
                TOKEN_PIN,
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let ran = Command::new(std::env::current_exe().unwrap())
        .env("SOFTHSM2_CONF", &conf)
        .args([&format!("tests::hardware::{test}"), "--exact", "--nocapture"])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"));
    true
}

/// A P-256 key pair made on the token, that never leaves it.
fn make_key(label: &str) {
    use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
    use cryptoki::mechanism::Mechanism;
    use cryptoki::object::{Attribute, KeyType};
    use cryptoki::session::UserType;
    let library = Pkcs11::new(MODULE).unwrap();
    let _ = library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slots = library.get_slots_with_token().unwrap();
    let named =
        |s: &&cryptoki::slot::Slot| library.get_token_info(**s).unwrap().label().trim() == label;
    let slot = *slots.iter().find(named).unwrap();
    let session = library.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&SecretString::from(TOKEN_PIN))).unwrap();
    let p256 = vec![0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let name = Attribute::Label(b"officer".to_vec());
    session
        .generate_key_pair(
            &Mechanism::EccKeyPairGen,
            &[
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::KeyType(KeyType::EC),
                Attribute::EcParams(p256),
                name.clone(),
            ],
            &[
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Derive(true),
                name,
            ],
        )
        .unwrap();
    drop(session);
    // The library stays loaded and initialised for the vault's own handle.
    std::mem::forget(library);
}

/// Tokens in the readers (`None`: both), and what 张三 types for the own one.
fn token(rig: &mut Rig, label: Option<&str>, with: &str) {
    let place = TokenPlace {
        module: PathBuf::from(MODULE),
        token: label.map(str::to_owned),
        key: "officer".to_owned(),
    };
    rig.vault.set_token(Some(Box::new(Pkcs11Token::new(place))));
    rig.vault.token_pin(&officer(ZHANG), SecretString::from(with));
}

#[test]
fn a_token_is_a_second_factor_beside_the_pin() {
    const TEST: &str = "a_token_is_a_second_factor_beside_the_pin";
    if again_with_softhsm(TEST) {
        return;
    }
    make_key("zhang");
    make_key("li");
    let mut rig = Rig::enrolled();
    rig.enrol(LI, "李四", OTHER_PIN);
    let case = rig.open_case();
    let key = rig.vault.case_key(&case).unwrap();
    let code = |rig: &mut Rig, with: &str| {
        rig.vault
            .unlock(&officer(ZHANG), &pin(with))
            .map_or_else(|t| t.code, |()| "open".to_owned())
    };
    assert_eq!(
        rig.vault.use_token(&officer(ZHANG), &pin(PIN), true).unwrap_err().code,
        "VAULT-TOKEN"
    );
    token(&mut rig, Some("zhang"), TOKEN_PIN);
    rig.vault.use_token(&officer(ZHANG), &pin(PIN), true).unwrap();
    let cards = rig.vault.officers().unwrap();
    let asked = |id: &str| cards.iter().find(|card| card.id == officer(id)).unwrap().token;
    assert_eq!((asked(ZHANG), asked(LI)), (true, false), "the window asks one of them for it");
    rig.vault.lock();
    assert_eq!(code(&mut rig, PIN), "VAULT-TOKEN", "what was typed for the token is forgotten");

    rig.restart();
    assert_eq!(code(&mut rig, PIN), "VAULT-TOKEN", "the PIN alone opens nothing");
    token(&mut rig, Some("zhang"), "wrong-pin");
    assert_eq!(code(&mut rig, PIN), "VAULT-TOKEN-PIN");
    token(&mut rig, Some("li"), TOKEN_PIN);
    rig.clock.advance_ms(1_000_000);
    assert_eq!(code(&mut rig, PIN), "VAULT-TOKEN", "somebody else's token");
    token(&mut rig, Some("zhang"), TOKEN_PIN);
    rig.clock.advance_ms(1_000_000);
    assert_eq!(
        code(&mut rig, "zhang-0000-PIN"),
        "VAULT-PIN-WRONG",
        "the token alone opens nothing"
    );
    rig.clock.advance_ms(1_000_000);
    assert_eq!(code(&mut rig, PIN), "open");
    token(&mut rig, None, TOKEN_PIN);
    assert_eq!(code(&mut rig, PIN), "open", "of two tokens in the readers the own one is taken");
    assert_eq!(rig.vault.case_key(&case).unwrap(), key);
    let at = Clock::read(rig.clock.as_ref());
    rig.vault.sign_as_officer(&officer(ZHANG), &pin(PIN), b"x", &at).unwrap();

    // Another PIN keeps the token; 李四 never needed one.
    rig.vault.change_pin(&officer(ZHANG), &pin(PIN), &pin("zhang-another-1")).unwrap();
    rig.restart();
    assert_eq!(code(&mut rig, "zhang-another-1"), "VAULT-TOKEN");
    rig.unlock(LI, OTHER_PIN);
    assert_eq!(rig.vault.case_key(&case).unwrap(), key);
    token(&mut rig, Some("zhang"), TOKEN_PIN);
    rig.clock.advance_ms(1_000_000);
    rig.vault.use_token(&officer(ZHANG), &pin("zhang-another-1"), false).unwrap();
    rig.restart();
    assert_eq!(code(&mut rig, "zhang-another-1"), "open");
}
