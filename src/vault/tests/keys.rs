//! Unlocking, wraps per officer, waiting after wrong PINs, locking, shredding, keys.db itself.

use std::fs;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use spotcheck_app::ports::{BlobVault, KeyRing, OfficerEnrolment};
use spotcheck_domain::parse_canonical;

use super::support::{
    LI, OTHER_PIN, PIN, POLICY, Rig, ZHANG, identity_file, officer, open, pin, run,
};
use crate::{Argon2Cost, KEYS_FILE, SECRET_FILE, VaultError, VaultOptions};

#[test]
fn wrong_pins_are_counted_before_they_are_judged_and_survive_a_restart() {
    let mut rig = Rig::enrolled();
    let code = |rig: &mut Rig, with: &str| {
        rig.vault
            .unlock(&officer(ZHANG), &pin(with))
            .map_or_else(|t| t.code, |()| "open".to_owned())
    };
    for _ in 0..3 {
        assert_eq!(code(&mut rig, "zhang-0000-PIN"), "VAULT-PIN-WRONG");
    }
    rig.restart();
    assert_eq!(code(&mut rig, PIN), "VAULT-PIN-DELAY", "even the right PIN waits");
    // R58: a stepped wall clock does not shorten the wait.
    rig.clock.step_wall_to_ms(1_999_000_000_000);
    assert_eq!(code(&mut rig, PIN), "VAULT-PIN-DELAY");
    let waiting = rig.vault.unlock(&officer(ZHANG), &pin(PIN)).unwrap_err();
    assert!(waiting.retryable && !waiting.verdict && waiting.message.contains("5 秒"), "{waiting}");
    rig.clock.advance_ms(5_000);
    assert_eq!(code(&mut rig, "zhang-0000-PIN"), "VAULT-PIN-WRONG");
    rig.clock.advance_ms(14_999);
    assert_eq!(code(&mut rig, PIN), "VAULT-PIN-DELAY");
    rig.clock.advance_ms(1);
    assert_eq!(code(&mut rig, PIN), "open");
    assert_eq!(code(&mut rig, "zhang-0000-PIN"), "VAULT-PIN-WRONG", "counting starts anew");
    assert_eq!(code(&mut rig, PIN), "open");
    assert_eq!(
        rig.vault.unlock(&officer("O-0009"), &pin(PIN)).unwrap_err().code,
        "VAULT-NO-OFFICER"
    );
}

#[test]
fn either_officer_opens_the_case_and_the_next_shift_too() {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let key = rig.vault.case_key(&case).unwrap();
    assert_eq!(rig.vault.create_case(&case, &[]).unwrap_err().code, "VAULT-CASE-EXISTS");
    // 李四 is named by the case but gets a key only later: wrapped to the public recipient at once, because
    // 张三 is unlocked, without 李四's PIN.
    rig.enrol(LI, "李四", OTHER_PIN);
    rig.vault.lock();
    assert_eq!(rig.vault.case_key(&case).unwrap_err().code, "VAULT-LOCKED");
    rig.restart();
    rig.unlock(LI, OTHER_PIN);
    assert_eq!(rig.vault.case_key(&case).unwrap(), key);

    // 王五 is not of this case.
    rig.enrol("O-0003", "王五", "wangwu-13579");
    rig.unlock("O-0003", "wangwu-13579");
    assert_eq!(rig.vault.case_key(&case).unwrap_err().code, "VAULT-NO-CASE-KEY");
    assert_eq!(rig.vault.case_key(&rig.case(99)).unwrap_err().code, "VAULT-NO-CASE");
}

#[test]
fn a_case_needs_an_unlocked_officer_and_an_enrolled_device() {
    let mut rig = Rig::new();
    let case = rig.case(1);
    assert_eq!(rig.vault.create_case(&case, &[]).unwrap_err().code, "VAULT-NOT-ENROLLED");
    let mut rig = Rig::enrolled();
    assert_eq!(rig.vault.create_case(&case, &[officer(ZHANG)]).unwrap_err().code, "VAULT-LOCKED");
    assert!(!rig.data().join("cases").exists(), "nothing was written");
}

#[test]
fn package_keys_open_for_either_officer_and_for_nobody_while_locked() {
    let mut rig = Rig::enrolled();
    let recipient = rig.vault.package_recipient().unwrap().unwrap();
    // Locked at that time: 李四 gets the package identity when 张三 unlocks next.
    rig.enrol(LI, "李四", OTHER_PIN);
    assert_eq!(rig.vault.package_recipient().unwrap().unwrap(), recipient, "made once");

    let package_key = [0x5a_u8; 32];
    let Some((made, wrapped)) = run(
        "package_keys_open_for_either_officer_and_for_nobody_while_locked",
        "age",
        &["-r", &recipient],
        &package_key,
    ) else {
        return;
    };
    assert!(made);
    assert_eq!(rig.vault.unwrap_package_key(&wrapped).unwrap_err().code, "VAULT-LOCKED");
    rig.unlock(LI, OTHER_PIN);
    assert_eq!(rig.vault.unwrap_package_key(&wrapped).unwrap_err().code, "VAULT-NO-PACKAGE-KEY");
    rig.unlock(ZHANG, PIN);
    assert_eq!(rig.vault.unwrap_package_key(&wrapped).unwrap().as_slice(), package_key);
    rig.unlock(LI, OTHER_PIN);
    assert_eq!(rig.vault.unwrap_package_key(&wrapped).unwrap().as_slice(), package_key);
    let text = STANDARD.encode(&wrapped);
    assert_eq!(rig.vault.unwrap_package_key(text.as_bytes()).unwrap().as_slice(), package_key);

    let mut changed = wrapped.clone();
    *changed.last_mut().unwrap() ^= 1;
    for bad in [&changed[..], &wrapped[..wrapped.len() - 1], b"", b"!!"] {
        assert_eq!(rig.vault.unwrap_package_key(bad).unwrap_err().code, "VAULT-PACKAGE-KEY");
    }
    rig.vault.lock();
    assert_eq!(rig.vault.unwrap_package_key(&wrapped).unwrap_err().code, "VAULT-LOCKED");
}

#[test]
fn r41_the_only_officer_who_forgot_the_pin_gets_a_new_package_identity() {
    let mut rig = Rig::enrolled();
    let old = rig.vault.package_recipient().unwrap().unwrap();
    rig.enrol(ZHANG, "张三", PIN);
    assert_eq!(rig.vault.package_recipient().unwrap().unwrap(), old, "renewal keeps it");
    rig.enrol(ZHANG, "张三", OTHER_PIN);
    let new = rig.vault.package_recipient().unwrap().unwrap();
    assert_ne!(new, old);
    rig.unlock(ZHANG, OTHER_PIN);
    let to = [crate::sealing::recipient(&new, "package").unwrap()];
    let wrapped = crate::sealing::seal(&to, &[9; 32]).unwrap();
    assert_eq!(rig.vault.unwrap_package_key(&wrapped).unwrap().as_slice(), [9; 32]);
}

/// R41: both forgot. The request of the second one names the package identity that will be there once it is answered,
/// so that the ticket which vouches for the officer vouches for it too; nothing changes before the answer.
#[test]
fn r41_the_last_officers_request_names_the_package_identity_that_comes_with_it() {
    let mut rig = Rig::new();
    rig.enrol_device(POLICY);
    let csr = rig.vault.request_officer(&officer(ZHANG), &pin(PIN)).unwrap();
    let first = rig.vault.package_recipient_with(&officer(ZHANG)).unwrap().unwrap();
    assert_eq!(rig.vault.package_recipient().unwrap(), None);
    let chain = rig.ca.chain(&csr, ZHANG);
    let zhang = OfficerEnrolment { officer: officer(ZHANG), name: "张三".to_owned(), chain };
    rig.vault.install_officer(&zhang).unwrap();
    assert_eq!(rig.vault.package_recipient().unwrap().as_ref(), Some(&first));
    rig.enrol(LI, "李四", OTHER_PIN);

    rig.vault.request_officer(&officer(ZHANG), &pin("zhang-new-PIN-1")).unwrap();
    let asked = rig.vault.package_recipient_with(&officer(ZHANG)).unwrap().unwrap();
    assert_ne!(asked, first, "nobody had unlocked: 李四 never got it");
    rig.unlock(ZHANG, PIN);
    rig.vault.request_officer(&officer(ZHANG), &pin("zhang-new-PIN-1")).unwrap();
    let asked = rig.vault.package_recipient_with(&officer(ZHANG)).unwrap().unwrap();
    assert_eq!(asked, first, "李四 can open it");
    rig.enrol(ZHANG, "张三", "zhang-new-PIN-1");
    assert_eq!(rig.vault.package_recipient().unwrap().as_ref(), Some(&first));

    rig.restart();
    let csr = rig.vault.request_officer(&officer(LI), &pin("li-new-PIN-22222")).unwrap();
    let asked = rig.vault.package_recipient_with(&officer(LI)).unwrap().unwrap();
    assert_ne!(asked, first);
    assert_eq!(rig.vault.package_recipient().unwrap().as_ref(), Some(&first));
    let chain = rig.ca.chain(&csr, LI);
    let li = OfficerEnrolment { officer: officer(LI), name: "李四".to_owned(), chain };
    rig.vault.install_officer(&li).unwrap();
    assert_eq!(rig.vault.package_recipient().unwrap().as_ref(), Some(&asked));
    rig.unlock(LI, "li-new-PIN-22222");
    rig.unlock(ZHANG, "zhang-new-PIN-1");
    let to = [crate::sealing::recipient(&asked, "package").unwrap()];
    let wrapped = crate::sealing::seal(&to, &[9; 32]).unwrap();
    assert_eq!(rig.vault.unwrap_package_key(&wrapped).unwrap().as_slice(), [9; 32]);
}

#[test]
fn r41_the_centre_opens_a_dead_handhelds_case_by_age_alone() {
    const TEST: &str = "r41_the_centre_opens_a_dead_handhelds_case_by_age_alone";
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let key = rig.vault.case_key(&case).unwrap();
    rig.vault.lock();
    let escrowed = rig.vault.case_escrow(&case).unwrap();
    let path = rig.data().join(format!("cases/{case}/{case}.keys.age"));
    assert_eq!(fs::read(&path).unwrap(), escrowed);

    for (name, identity) in [("intake", &rig.intake), ("escrow", &rig.escrow)] {
        let identity = identity_file(rig.dir.path(), name, identity);
        let Some((opened, json)) = run(TEST, "age", &["-d", "-i", &identity], &escrowed) else {
            return;
        };
        assert!(opened, "{name}");
        let value: serde_json::Value = parse_canonical(&json).expect("RFC 8785");
        assert_eq!(value["schema"], "spotcheck-case-keys/1");
        assert_eq!(value["case"], case.as_str());
        assert_eq!(value["db_key"], hex::encode(key.as_slice()));
        let identity = value["identity"].as_str().unwrap();
        assert!(identity.starts_with("AGE-SECRET-KEY-1"));
        let recipients = rig.vault.recipients(&case).unwrap();
        let parsed = crate::sealing::identity(identity).unwrap();
        assert_eq!(crate::sealing::public_text(&parsed), recipients.case);
    }
    let stranger = age::x25519::Identity::generate();
    let stranger = identity_file(rig.dir.path(), "stranger", &stranger);
    assert!(!run(TEST, "age", &["-d", "-i", &stranger], &escrowed).unwrap().0);
}

#[test]
fn a_shredded_case_is_unreadable_also_in_a_copy_made_after_it() {
    let mut rig = Rig::enrolled();
    rig.enrol(LI, "李四", OTHER_PIN);
    let case = rig.open_case();
    let kept = rig.case(2);
    rig.vault.create_case(&kept, &[officer(LI)]).unwrap();
    let kept_key = rig.vault.case_key(&kept).unwrap();
    let file = rig.vault.put(&case, "data/media/0001.jpg", b"picture").unwrap();
    assert_eq!(rig.vault.read(&case, &file).unwrap().as_slice(), b"picture");
    let keys = rig.data().join(KEYS_FILE);
    let before = fs::read(&keys).unwrap();

    rig.vault.shred_case(&case).unwrap();

    let after = fs::read(&keys).unwrap();
    assert_ne!(before[..16], after[..16], "another salt, so another key");
    assert!(!rig.data().join(format!("{KEYS_FILE}.new")).exists());
    for (id, with) in [(ZHANG, PIN), (LI, OTHER_PIN)] {
        rig.restart();
        rig.unlock(id, with);
        assert_eq!(rig.vault.case_key(&case).unwrap_err().code, "VAULT-CASE-SHREDDED");
        assert_eq!(rig.vault.read(&case, &file).unwrap_err().code, "VAULT-CASE-SHREDDED");
        assert_eq!(rig.vault.put(&case, "x", b"y").unwrap_err().code, "VAULT-CASE-SHREDDED");
        assert_eq!(rig.vault.case_escrow(&case).unwrap_err().code, "VAULT-CASE-SHREDDED");
        assert_eq!(rig.vault.case_key(&kept).unwrap(), kept_key, "other cases are untouched");
    }
    assert_eq!(rig.vault.shred_case(&case).unwrap_err().code, "VAULT-CASE-SHREDDED");
    assert_eq!(rig.vault.cases().unwrap(), [kept]);
}

#[test]
fn r28_a_rewrite_that_was_cut_short_is_finished_at_the_next_opening() {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let salt = fs::read(rig.data().join(KEYS_FILE)).unwrap()[..16].to_vec();
    {
        let mut state = rig.vault.state();
        state
            .db
            .change(|tx| {
                tx.execute("INSERT INTO rewrite_due (id) VALUES (1)", [])?;
                Ok(())
            })
            .unwrap();
    }
    // Half-written files of the cut rewrite lie about, too.
    fs::write(rig.data().join(format!("{KEYS_FILE}.new")), b"half").unwrap();
    fs::write(rig.data().join(format!("{KEYS_FILE}.new-wal")), b"half").unwrap();
    rig.vault =
        open(tempfile::tempdir().unwrap().path(), &rig.clock, VaultOptions::TESTS_ONLY).unwrap();
    rig.restart();
    assert_ne!(fs::read(rig.data().join(KEYS_FILE)).unwrap()[..16], salt);
    rig.unlock(ZHANG, PIN);
    rig.vault.case_key(&case).unwrap();
    let salt = fs::read(rig.data().join(KEYS_FILE)).unwrap()[..16].to_vec();
    rig.restart();
    assert_eq!(fs::read(rig.data().join(KEYS_FILE)).unwrap()[..16], salt, "once is enough");
}

#[test]
fn r25_r31_missing_or_foreign_keys_stop_the_program_and_are_never_replaced() {
    let mut rig = Rig::enrolled();
    rig.open_case();
    let data = rig.data();
    let secret = fs::read(data.join(SECRET_FILE)).unwrap();
    rig.vault =
        open(tempfile::tempdir().unwrap().path(), &rig.clock, VaultOptions::TESTS_ONLY).unwrap();
    // Closed by now, so the write-ahead log is merged.
    let keys = fs::read(data.join(KEYS_FILE)).unwrap();
    let try_open = || open(rig.dir.path(), &rig.clock, VaultOptions::TESTS_ONLY).unwrap_err();

    fs::remove_file(data.join(SECRET_FILE)).unwrap();
    assert!(matches!(try_open(), VaultError::Missing(SECRET_FILE)));
    assert!(!data.join(SECRET_FILE).exists());

    // R29: another device's secret says so, and the file is left alone.
    fs::write(data.join(SECRET_FILE), [7_u8; 32]).unwrap();
    assert!(matches!(try_open(), VaultError::KeysUnreadable(_)));
    assert!(fs::read(data.join(KEYS_FILE)).unwrap() == keys, "the file was changed");

    fs::write(data.join(SECRET_FILE), &secret).unwrap();
    fs::remove_file(data.join(KEYS_FILE)).unwrap();
    assert!(matches!(try_open(), VaultError::Missing(KEYS_FILE)));
    assert!(!data.join(KEYS_FILE).exists());
    for cut in [0, 7, 100, keys.len() / 2] {
        fs::write(data.join(KEYS_FILE), &keys[..cut]).unwrap();
        let trouble = spotcheck_domain::Trouble::from(try_open());
        assert!(trouble.code.starts_with("VAULT-KEYS-"), "cut at {cut}: {trouble}");
    }
}

/// R25: the window opens over a key store that does not, to say so: every question is answered with the same trouble, and
/// neither asking nor a PIN makes anything in its place. A full disk is none of its condition.
#[test]
fn r25_a_closed_vault_answers_with_its_trouble_and_writes_nothing() {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let data = rig.data();
    rig.vault =
        open(tempfile::tempdir().unwrap().path(), &rig.clock, VaultOptions::TESTS_ONLY).unwrap();
    fs::remove_file(data.join(KEYS_FILE)).unwrap();
    let before = super::support::files(&data);
    let closed = |error| {
        let entropy = std::sync::Arc::new(crate::SystemEntropy);
        crate::Vault::closed(&data, error, rig.clock.clone(), entropy, VaultOptions::TESTS_ONLY)
    };
    let error = open(rig.dir.path(), &rig.clock, VaultOptions::TESTS_ONLY).unwrap_err();
    let mut vault = closed(error).unwrap();
    let code = |trouble: Result<(), spotcheck_domain::Trouble>| trouble.unwrap_err().code;
    assert_eq!(code(vault.officers().map(drop)), "VAULT-KEYS-MISSING");
    assert_eq!(code(vault.enrolment().map(drop)), "VAULT-KEYS-MISSING");
    assert_eq!(code(vault.unlock(&officer(ZHANG), &pin(PIN))), "VAULT-KEYS-MISSING");
    assert_eq!(code(vault.case_key(&case).map(drop)), "VAULT-KEYS-MISSING");
    assert_eq!(code(vault.boot_key("x").map(drop)), "VAULT-KEYS-MISSING");
    assert!(vault.unlocked().is_none());
    assert_eq!(super::support::files(&data), before);
    let full = VaultError::Io { action: "x", source: std::io::Error::from_raw_os_error(28) };
    assert!(matches!(closed(full), Err(VaultError::Io { .. })));
}

#[test]
fn r32_a_later_version_is_refused_and_not_touched() {
    let mut rig = Rig::enrolled();
    rig.vault
        .state()
        .db
        .change(|tx| {
            tx.pragma_update(None, "user_version", 99)?;
            Ok(())
        })
        .unwrap();
    rig.let_go();
    let before = fs::read(rig.data().join(KEYS_FILE)).unwrap();
    let error = open(rig.dir.path(), &rig.clock, VaultOptions::TESTS_ONLY).unwrap_err();
    assert!(matches!(error, VaultError::KeysNewer { found: 99, known: 2 }));
    assert_eq!(fs::read(rig.data().join(KEYS_FILE)).unwrap(), before);
}

#[test]
fn weak_wraps_are_raised_when_their_officer_unlocks_and_signs() {
    let mut rig = Rig::enrolled();
    let cost = |rig: &Rig| {
        let state = rig.vault.state();
        let keys =
            crate::officers::load(state.db.connection().unwrap(), &officer(ZHANG)).unwrap().keys;
        (keys.vault.cost(), keys.signing.cost())
    };
    let weak = Argon2Cost::TESTS_ONLY;
    assert_eq!(cost(&rig), (weak, weak));
    rig.let_go();
    rig.vault = open(rig.dir.path(), &rig.clock, VaultOptions::STANDARD).unwrap();
    rig.unlock(ZHANG, PIN);
    assert_eq!(
        cost(&rig),
        (Argon2Cost::STANDARD, weak),
        "unlocking does not touch the signing key"
    );
    let at = spotcheck_domain::Clock::read(rig.clock.as_ref());
    rig.vault.sign_as_officer(&officer(ZHANG), &pin(PIN), b"x", &at).unwrap();
    assert_eq!(cost(&rig), (Argon2Cost::STANDARD, Argon2Cost::STANDARD));
    rig.restart();
    rig.unlock(ZHANG, PIN);
    assert_eq!(cost(&rig), (Argon2Cost::STANDARD, Argon2Cost::STANDARD), "never lowered");
}

#[test]
fn keys_db_is_sqlcipher_to_another_reader_and_every_blob_in_it_is_sealed() {
    const TEST: &str = "keys_db_is_sqlcipher_to_another_reader_and_every_blob_in_it_is_sealed";
    let mut rig = Rig::enrolled();
    rig.open_case();
    let path = rig.data().join(KEYS_FILE);
    let key = {
        let state = rig.vault.state();
        let salt = fs::read(&path).unwrap()[..16].to_vec();
        hex::encode(state.secret.derive("keys.db", &salt).unwrap().as_slice())
    };
    rig.vault =
        open(tempfile::tempdir().unwrap().path(), &rig.clock, VaultOptions::TESTS_ONLY).unwrap();
    let script = "
import sys, apsw
db = apsw.Connection(sys.argv[1])
db.pragma('cipher', 'sqlcipher'); db.pragma('legacy', 4)
db.execute('PRAGMA hexkey=\"' + sys.argv[2] + '\"') if len(sys.argv[2]) != 64 else db.execute('PRAGMA key=\"raw:' + sys.argv[2] + '\"')
assert db.pragma('integrity_check') == 'ok'
print(db.execute('SELECT count(*) FROM officer').get, db.execute('SELECT count(*) FROM wrap').get)
for name, sql in db.execute('SELECT name, sql FROM sqlite_master WHERE type = \"table\"').get: assert 'STRICT' in sql, name
print(bytes(db.execute('SELECT tls_key FROM device').get)[:1].hex(), bytes(db.execute('SELECT body FROM wrap').get[0] if isinstance(db.execute('SELECT body FROM wrap').get, list) else db.execute('SELECT body FROM wrap').get)[:18])
";
    let probe = Command::new("python3").args(["-c", "import apsw; apsw.mc_version"]).output();
    if !probe.is_ok_and(|o| o.status.success()) {
        eprintln!("SKIPPED {TEST}: Python package apsw-sqlite3mc is not there");
        return;
    }
    let (read, out) =
        run(TEST, "python3", &["-c", script, path.to_str().unwrap(), &key], b"").unwrap();
    let text = String::from_utf8_lossy(&out).into_owned();
    assert!(read, "{text}");
    assert!(text.starts_with("1 2\n"), "{text}");
    assert!(text.contains("01 b'age-encryption.org"), "{text}");
    let (read, _) =
        run(TEST, "python3", &["-c", script, path.to_str().unwrap(), &"0".repeat(64)], b"")
            .unwrap();
    assert!(!read, "another key opens nothing");
}
