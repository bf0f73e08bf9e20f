//! Lock-out, another PIN, the next shift, shred and escrow, each followed by a look with every tool at hand:
//! `age`, an independent SQLCipher reader, `strings` over the whole data folder.

use std::fs;
use std::path::Path;
use std::process::Command;

use age::secrecy::ExposeSecret;
use spotcheck_app::ports::{BlobVault, KeyRing};

use super::support::{LI, OTHER_PIN, PIN, Rig, ZHANG, files, identity_file, officer, pin, run};

const NEW_PIN: &str = "zhang-another-PIN-8";
const WORDS: &[u8] = "欧阳稽核试 bed 12 empty".as_bytes();

/// What `strings` (else a search of our own) finds of these in any file of a folder.
fn found(folder: &Path, tokens: &[&str]) -> Vec<String> {
    let mut hits = Vec::new();
    for file in files(folder) {
        let bytes = fs::read(&file).unwrap();
        let printed = Command::new("strings").arg("-a").arg(&file).output();
        let printed = printed.map(|o| o.stdout).unwrap_or_default();
        for token in tokens {
            let has = |hay: &[u8]| hay.windows(token.len()).any(|w| w == token.as_bytes());
            if has(&bytes) || has(&printed) {
                hits.push(format!("{token} in {}", file.display()));
            }
        }
    }
    hits
}

/// True if SQLite3 Multiple Ciphers reads a SQLCipher file with this raw key; `None` where it is not installed.
fn reads(test: &str, file: &Path, key: &str) -> Option<bool> {
    let script = "
import sys, apsw
db = apsw.Connection(sys.argv[1], flags=apsw.SQLITE_OPEN_READONLY)
db.pragma('cipher', 'sqlcipher'); db.pragma('legacy', 4)
db.execute('PRAGMA key=\"raw:' + sys.argv[2] + '\"')
print(db.execute('SELECT count(*) FROM sqlite_master').get)
";
    let probe = Command::new("python3").args(["-c", "import apsw; apsw.mc_version"]).output();
    if !probe.is_ok_and(|o| o.status.success()) {
        eprintln!("SKIPPED {test}: Python package apsw-sqlite3mc is not there");
        return None;
    }
    run(test, "python3", &["-c", script, file.to_str()?, key], b"").map(|(good, _)| good)
}

#[test]
fn r41_another_pin_opens_everything_and_the_old_one_nothing() {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let key = rig.vault.case_key(&case).unwrap();
    let file = rig.vault.put(&case, "data/media/0001.jpg", WORDS).unwrap();
    let change = |rig: &mut Rig, old: &str, new: &str| {
        let done = rig.vault.change_pin(&officer(ZHANG), &pin(old), &pin(new));
        done.map_or_else(|t| t.code, |()| "done".to_owned())
    };
    assert_eq!(change(&mut rig, "zhang-0000-PIN", NEW_PIN), "VAULT-PIN-WRONG");
    assert_eq!(change(&mut rig, PIN, "123456"), "VAULT-PIN-WEAK");
    assert_eq!(change(&mut rig, PIN, NEW_PIN), "done");
    rig.restart();
    let at = spotcheck_domain::Clock::read(rig.clock.as_ref());
    assert_eq!(rig.vault.unlock(&officer(ZHANG), &pin(PIN)).unwrap_err().code, "VAULT-PIN-WRONG");
    let signed = rig.vault.sign_as_officer(&officer(ZHANG), &pin(PIN), b"x", &at);
    assert_eq!(signed.unwrap_err().code, "VAULT-PIN-WRONG");
    rig.unlock(ZHANG, NEW_PIN);
    assert_eq!(rig.vault.case_key(&case).unwrap(), key);
    assert_eq!(rig.vault.read(&case, &file).unwrap().as_slice(), WORDS);
    rig.vault.sign_as_officer(&officer(ZHANG), &pin(NEW_PIN), b"x", &at).unwrap();
    assert_eq!(found(&rig.data(), &[PIN, NEW_PIN]), Vec::<String>::new());
}

/// The thief tries PINs: the wait grows, and neither a restart, another boot nor a set clock shortens it.
#[test]
fn the_wait_grows_and_survives_restart_reboot_and_a_set_clock() {
    let mut rig = Rig::enrolled();
    let waits: Vec<i64> = vec![0, 0, 5_000, 15_000, 30_000, 60_000, 300_000, 900_000, 900_000];
    for wait in waits {
        let wrong = rig.vault.unlock(&officer(ZHANG), &pin("zhang-0000-PIN")).unwrap_err();
        assert_eq!(wrong.code, "VAULT-PIN-WRONG");
        if wait == 0 {
            continue;
        }
        rig.restart();
        rig.clock.step_wall_to_ms(1_999_000_000_000);
        rig.clock.advance_ms(wait - 1);
        assert_eq!(
            rig.vault.unlock(&officer(ZHANG), &pin(PIN)).unwrap_err().code,
            "VAULT-PIN-DELAY",
            "{wait} ms are not over"
        );
        rig.clock.advance_ms(1);
    }
    rig.unlock(ZHANG, PIN);
}

/// R41: the officers are gone. The escrow key opens the case's keys, and these its files: with `age` and another
/// SQLCipher reader, without a line of this program.
#[test]
fn r41_escrow_opens_keys_files_and_database_by_programs_of_others() {
    const TEST: &str = "r41_escrow_opens_keys_files_and_database_by_programs_of_others";
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let file = rig.vault.put(&case, "data/media/0001.jpg", WORDS).unwrap();
    let blob =
        rig.data().join(format!("cases/{case}/blobs/{}.age", file.blobs[0].ciphertext_sha256));
    let escrow = identity_file(rig.dir.path(), "escrow", &rig.escrow);
    let Some((good, plain)) = run(TEST, "age", &["-d", "-i", &escrow, blob.to_str().unwrap()], b"")
    else {
        return;
    };
    assert!(good && plain == WORDS);
    let keys = rig.data().join(format!("cases/{case}/{case}.keys.age"));
    let (good, json) =
        run(TEST, "age", &["-d", "-i", &escrow, keys.to_str().unwrap()], b"").unwrap();
    assert!(good);
    let keys: serde_json::Value = serde_json::from_slice(&json).unwrap();
    // The case's own identity opens the file, too; shredding it on the handheld takes this way away there.
    let own = rig.dir.path().join("case-identity");
    fs::write(&own, keys["identity"].as_str().unwrap()).unwrap();
    let own = own.to_str().unwrap();
    assert!(run(TEST, "age", &["-d", "-i", own, blob.to_str().unwrap()], b"").unwrap().0);
    assert_eq!(found(&rig.data(), &["AGE-SECRET-KEY", "bed 12 empty"]), Vec::<String>::new());
}

/// After a shred nothing that is left on the handheld opens the case: not its officers, not the case identity's
/// wraps, not the keys.db of before under the key of now. Other cases stay readable.
#[test]
fn what_was_shredded_is_out_of_reach_of_every_tool_and_nothing_else_is() {
    const TEST: &str = "what_was_shredded_is_out_of_reach_of_every_tool_and_nothing_else_is";
    let mut rig = Rig::enrolled();
    rig.enrol(LI, "李四", OTHER_PIN);
    let case = rig.open_case();
    let kept = rig.case(2);
    rig.vault.create_case(&kept, &[officer(LI)]).unwrap();
    let gone_file = rig.vault.put(&case, "data/media/0001.jpg", WORDS).unwrap();
    let kept_file = rig.vault.put(&kept, "data/media/0001.jpg", WORDS).unwrap();
    let gone_text = {
        let mut state = rig.vault.state();
        state.case_keys(&case).unwrap().identity_text.to_string()
    };
    let older = {
        let salt = fs::read(rig.data().join(crate::KEYS_FILE)).unwrap()[..16].to_vec();
        hex::encode(rig.vault.state().secret.derive("keys.db", &salt).unwrap().as_slice())
    };
    rig.vault.shred_case(&case).unwrap();
    rig.vault.lock();
    assert_eq!(found(&rig.data(), &[&gone_text, "AGE-SECRET-KEY"]), Vec::<String>::new());
    assert!(!rig.data().join(format!("cases/{case}/{case}.keys.age")).exists());
    // The key of the file of before does not open the file of now.
    if let Some(good) = reads(TEST, &rig.data().join(crate::KEYS_FILE), &older) {
        assert!(!good);
    }
    for (id, with) in [(ZHANG, PIN), (LI, OTHER_PIN)] {
        rig.restart();
        rig.unlock(id, with);
        assert_eq!(rig.vault.read(&case, &gone_file).unwrap_err().code, "VAULT-CASE-SHREDDED");
        assert_eq!(rig.vault.read(&kept, &kept_file).unwrap().as_slice(), WORDS);
    }
    // No identity that the handheld's officers hold opens the blob.
    let blob =
        rig.data().join(format!("cases/{case}/blobs/{}.age", gone_file.blobs[0].ciphertext_sha256));
    let held = {
        let state = rig.vault.state();
        state.unlocked.as_ref().unwrap().identity.to_string().expose_secret().to_owned()
    };
    let path = rig.dir.path().join("officer-identity");
    fs::write(&path, held).unwrap();
    let arguments = ["-d", "-i", path.to_str().unwrap(), blob.to_str().unwrap()];
    if let Some((good, _)) = run(TEST, "age", &arguments, b"") {
        assert!(!good);
    }
}

/// Two handhelds of one task: B takes over A's case by keys that A shared with it, and nobody else can.
#[test]
fn r42_a_shared_case_opens_on_the_handheld_it_was_shared_with_and_nowhere_else() {
    let mut a = Rig::enrolled();
    let case = a.open_case();
    let mut b = Rig::enrolled();
    let mut c = Rig::enrolled();
    b.unlock(ZHANG, PIN);
    c.unlock(ZHANG, PIN);
    let recipient = b.vault.package_recipient().unwrap().unwrap();
    let shared = a.vault.share_case(&case, &recipient).unwrap();
    let escrow = a.vault.case_escrow(&case).unwrap();
    let all = [officer(ZHANG), officer(LI)];
    assert!(c.vault.adopt_case(&case, &shared, &escrow, &all).is_err());
    assert!(c.vault.cases().unwrap().is_empty());
    for _ in 0..2 {
        b.vault.adopt_case(&case, &shared, &escrow, &all).unwrap();
    }
    assert_eq!(b.vault.case_key(&case).unwrap(), a.vault.case_key(&case).unwrap());
    assert_eq!(b.vault.case_escrow(&case).unwrap(), escrow);
    let file = a.vault.put(&case, "data/media/0001.jpg", WORDS).unwrap();
    let sealed = a.vault.seal_for_case(&case, WORDS).unwrap();
    assert_eq!(b.vault.open_for_case(&case, &sealed).unwrap().as_slice(), WORDS);
    let name = format!("cases/{case}/blobs/{}.age", file.blobs[0].ciphertext_sha256);
    fs::create_dir_all(b.data().join(format!("cases/{case}/blobs"))).unwrap();
    fs::copy(a.data().join(&name), b.data().join(&name)).unwrap();
    assert_eq!(b.vault.read(&case, &file).unwrap().as_slice(), WORDS);
    // Locked, neither shares nor takes over.
    a.vault.lock();
    assert_eq!(a.vault.share_case(&case, &recipient).unwrap_err().code, "VAULT-LOCKED");
}
