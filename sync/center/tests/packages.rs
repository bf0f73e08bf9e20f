//! From the demo city to a package on the wire: import, task, build, ranges, signature, key (claims.md §2).

use std::sync::Arc;

use age::x25519::Identity;
use spotcheck_claims::{PackageManifest, check_package};
use spotcheck_domain::claims::ClaimsReader;
use spotcheck_domain::{DeviceId, ManualClock};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::chain::{Role, TrustRoots, leaf_profile};
use spotcheck_evidence::testkit::NOW_MS;
use spotcheck_rules::{Finding, Options, Origin};
use spotcheck_wire::enrol::EnrolResponse;
use spotcheck_wire::tasks::{PACKAGE_FILES, TaskList};

use super::handheld::{Handheld, Key, anonymous, block_on, no_token_in_clear, problem, request};
use crate::objects::sha256_hex;
use crate::testing::{DEVICE, TASK, TestCentre, TestOptions};

#[test]
fn a_package_is_built_for_the_tasks_handheld_and_fetched_in_ranges() {
    let clock = Arc::new(ManualClock::at_ms(NOW_MS));
    let options =
        TestOptions { clock: Some(Arc::<ManualClock>::clone(&clock)), ..TestOptions::default() };
    let centre = TestCentre::start_with(options).unwrap();
    let code = |error: crate::Error| spotcheck_domain::Trouble::from(error).code;
    // Nobody enrolled, then no officer: clear errors, nothing half built.
    assert_eq!(code(centre.build_package().unwrap_err()), "PACKAGE-DEVICE");
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        assert_eq!(code(centre.build_package().unwrap_err()), "PACKAGE-NO-RECIPIENT");
        let identity = Identity::generate();
        let recipient = identity.to_public().to_string();
        let ask = request(
            &centre.officer_tickets()[0],
            None,
            &Key::new(),
            Some(DEVICE),
            Some(&recipient),
        );
        let url = format!("{}/v1/enroll", centre.url());
        let response = anonymous(&centre, &clock).post(url).json(&ask).send().await.unwrap();
        let _: EnrolResponse = response.json().await.unwrap();
        let built = centre.build_package().unwrap();

        let list: TaskList = handheld.get("/v1/tasks").send().await.unwrap().json().await.unwrap();
        assert_eq!(list.tasks.len(), 1);
        assert_eq!(list.tasks[0].task.id.as_str(), TASK);
        let package = list.tasks[0].package.clone().unwrap();
        assert_eq!(package.id, built.id);
        let names: Vec<&str> = package.files.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, PACKAGE_FILES);

        let dir = tempfile::tempdir().unwrap();
        for file in &package.files {
            let path = format!("/v1/packages/{}/{}", package.id, file.name);
            let whole = handheld.get(&path).send().await.unwrap();
            assert_eq!(whole.status(), 200);
            let etag = whole.headers()["etag"].to_str().unwrap().to_owned();
            let whole = whole.bytes().await.unwrap();
            assert_eq!((sha256_hex(&whole), whole.len() as u64), (file.sha256.clone(), file.size));
            std::fs::write(dir.path().join(&file.name), &whole).unwrap();

            let half = file.size / 2;
            let range = format!("bytes={half}-");
            let rest = handheld.get(&path).header("range", &range).header("if-range", &etag);
            let rest = rest.send().await.unwrap();
            assert_eq!(rest.status(), 206);
            let want = format!("bytes {half}-{}/{}", file.size - 1, file.size);
            assert_eq!(rest.headers()["content-range"], want.as_str());
            assert_eq!(rest.bytes().await.unwrap(), whole.slice(half as usize..));
            // The file was built anew meanwhile: the range is ignored and the new file comes whole.
            let other = handheld.get(&path).header("range", &range).header("if-range", "\"other\"");
            assert_eq!(other.send().await.unwrap().status(), 200);
            let same = handheld.get(&path).header("if-none-match", &etag).send().await.unwrap();
            assert_eq!(same.status(), 304);
            let beyond = handheld.get(&path).header("range", format!("bytes={}-", file.size));
            assert_eq!(problem(beyond.send().await.unwrap()).await.0, 416);
        }
        for bad in ["claims.db.bak", "..%2f..%2fcenter.db", ""] {
            let path = format!("/v1/packages/{}/{bad}", package.id);
            assert_eq!(handheld.get(&path).send().await.unwrap().status(), 404, "{bad}");
        }

        // What the handheld then does: signature by the centre's role, hashes, key, integrity, counts.
        let bytes = std::fs::read(dir.path().join("package.json")).unwrap();
        let p7s = std::fs::read(dir.path().join("package.json.p7s")).unwrap();
        let (_, row) = centre.centre().signer().unwrap();
        let certificate = rustls_pki_types::CertificateDer::from(row.der);
        spotcheck_evidence::cms::verify_detached(&p7s, &Hash32::sha256(&bytes), &certificate)
            .unwrap();
        leaf_profile(&certificate, Role::Centre).unwrap();
        let roots = TrustRoots::from_pem(centre.centre().ca().evidence.pem().as_bytes()).unwrap();
        roots.path(&certificate, &[], NOW_MS).unwrap();
        let manifest = PackageManifest::parse(&bytes).unwrap();
        let wrapped = manifest.wrapped_key(&DeviceId::parse(DEVICE).unwrap()).unwrap().to_owned();
        let file = dir.path().join("wrapped.age");
        std::fs::write(&file, &wrapped).unwrap();
        let key = unwrap_with_age(&identity, &file).unwrap_or_else(|| unwrap(&identity, &wrapped));
        let mut raw = spotcheck_claims::Key::new([0; 32]);
        raw.copy_from_slice(&key);
        let report = check_package(dir.path(), &manifest, &raw).unwrap();
        assert!(report.rows > 1000, "{report:?}");

        the_findings_are_in_it(&centre, dir.path(), &manifest, &raw);
        the_indicators_are_the_same(&centre, dir.path(), &manifest, &raw);

        // No claims in clear anywhere at the centre; the positive control is the export itself.
        let city = std::fs::read(centre.folder().join("demo-city/psn.csv")).unwrap();
        let text = String::from_utf8(city).unwrap();
        let mut lines = text.lines();
        let head: Vec<&str> =
            lines.next().unwrap().trim_start_matches('\u{feff}').split(',').collect();
        let row: Vec<&str> = lines.next().unwrap().split(',').collect();
        let cell = |name: &str| {
            let at = head.iter().position(|h| h.trim().eq_ignore_ascii_case(name)).unwrap();
            row[at].trim().to_owned()
        };
        let (name, number) = (cell("psn_name"), cell("certno"));
        assert!(text.contains(&name) && number.len() > 10);
        let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let tokens: [&[u8]; 3] = [name.as_bytes(), &utf16, number.as_bytes()];
        assert!(no_token_in_clear(centre.centre().folder().root(), &tokens) > 5);

        // A second build is a new package with a new key; reference.db is the same object.
        let again = centre.build_package().unwrap();
        let sha = |files: &[spotcheck_wire::tasks::PackageFile], name: &str| {
            files.iter().find(|f| f.name == name).unwrap().sha256.clone()
        };
        assert_eq!(sha(&again.files, "reference.db"), sha(&built.files, "reference.db"));
        assert_ne!(sha(&again.files, "claims.db"), sha(&built.files, "claims.db"));
    });
}

/// rules.md: the centre runs the rules before the package is made; the handheld, which runs the same rules over
/// the package, meets the same findings by the same keys.
fn the_findings_are_in_it(
    centre: &TestCentre,
    folder: &std::path::Path,
    manifest: &PackageManifest,
    key: &spotcheck_claims::Key,
) {
    let task = centre.task().unwrap();
    let code = &task.facility.fixmedins_code;
    let row = centre.centre().repo().audit_of(code).unwrap().expect("it was run for the package");
    let stored = crate::audits::findings(centre.centre(), &row).unwrap();
    let reader = spotcheck_claims::PackageReader::open(folder, manifest, key).unwrap();
    let packed: Vec<Finding> = reader
        .findings()
        .unwrap()
        .iter()
        .map(|f| Finding::parse(&f.body, Some((f.amount, f.fund_amount))).unwrap())
        .collect();
    let inside = |f: &&Finding| {
        let days = task.period_from.as_str()..=task.period_to.as_str();
        f.date.as_deref().is_none_or(|day| days.contains(&day))
    };
    let of_the_period: Vec<Finding> = stored.iter().filter(inside).cloned().collect();
    assert!(!packed.is_empty() && packed == of_the_period, "{} of {}", packed.len(), stored.len());
    let packs: Vec<String> =
        manifest.rule_packs.iter().map(|p| format!("{}@{}", p.name, p.version)).collect();
    assert_eq!(packs, [row.pack]);
    let columns = spotcheck_claims::PackageColumns::new(&reader);
    let pack = spotcheck_rules::national().unwrap();
    let own = spotcheck_rules::audit(&columns, &pack, Options::default(), &mut ()).unwrap();
    let merged = spotcheck_rules::merge(packed, own.findings);
    let both = merged.iter().filter(|m| m.origin == Origin::Both).count();
    assert!(both * 10 >= merged.len() * 9, "{both} of {}", merged.len());
}

/// rules.md: indicators are equal on handheld and console, and to SQL over the source; warnings are kept by who is
/// told, and what is guarded against 统方 does not open at the centre.
fn the_indicators_are_the_same(
    centre: &TestCentre,
    folder: &std::path::Path,
    manifest: &PackageManifest,
    key: &spotcheck_claims::Key,
) {
    use crate::indicators::{Question, answer};
    use spotcheck_domain::time::day_number;
    use spotcheck_rules::indicators::{Ask, Dimension, compute};
    let task = centre.task().unwrap();
    let code = &task.facility.fixmedins_code;
    let reader = spotcheck_claims::PackageReader::open(folder, manifest, key).unwrap();
    let columns = spotcheck_claims::PackageColumns::new(&reader);
    let catalogue = spotcheck_rules::national().unwrap().indicators;
    let day = |text: &str| day_number(text).unwrap();
    let period = (day(&task.period_from), day(&task.period_to));
    let mut figures = 0;
    for by in [None, Some(Dimension::VisitType)] {
        let ask = Ask { by, period, ..Ask::default() };
        let handheld = compute(&columns, &catalogue, &ask, &mut ()).unwrap();
        let question =
            Question { facility: code.clone(), by, period: Some(period), ..Question::default() };
        let (own, pack) = answer(centre.centre(), &question, &mut ()).unwrap();
        assert!(pack.starts_with("national@"));
        for (a, b) in own.indicators.iter().zip(&handheld.indicators) {
            assert_eq!(a, b, "{}", a.id);
            figures += usize::from(a.cell.value.is_some());
        }
        assert_eq!(own.indicators.len(), handheld.indicators.len());
        assert_eq!(own.warnings, handheld.warnings);
    }
    assert!(figures > 100, "{figures}");
    let question = Question { facility: code.clone(), period: Some(period), ..Question::default() };
    let (own, _) = answer(centre.centre(), &question, &mut ()).unwrap();
    let told: usize = own.warnings.iter().map(|w| w.tell.len()).sum();
    let raised = centre.centre().repo().raised().unwrap();
    assert_eq!(raised.len(), told, "{raised:?}");
    assert!(raised.iter().all(|r| r.fixmedins_code == *code && !r.role.is_empty()));
    let drug = catalogue.indicators.values().find(|i| i.name == "药品费").unwrap().id.clone();
    let guarded = Question { ids: vec![drug], by: Some(Dimension::Doctor), ..question };
    let no = answer(centre.centre(), &guarded, &mut ()).unwrap_err();
    assert_eq!(spotcheck_domain::Trouble::from(no).code, "INDICATORS-GUARDED");
    duckdb_says_the_same(&centre.folder().join("demo-city"), task, &own);
}

/// DuckDB over the export that was imported.
fn duckdb_says_the_same(
    city: &std::path::Path,
    task: &spotcheck_domain::task::Task,
    own: &spotcheck_rules::indicators::Answer,
) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let peers = std::env::var_os("SPOTCHECK_PEERS")
        .map_or_else(|| root.join("tests/.peers"), std::path::PathBuf::from);
    let python = peers.join("venv/bin/python");
    let tried = std::process::Command::new(&python).args(["-c", "import duckdb, tomllib"]).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED duckdb_says_the_same: no Python with duckdb");
        return;
    }
    let output = std::process::Command::new(&python)
        .arg(root.join("tests/python/indicators_duckdb.py"))
        .arg("--city")
        .arg(city)
        .arg("--pack")
        .arg(root.join("src/rules/packs/national/indicators.toml"))
        .args(["--facility", &task.facility.fixmedins_code])
        .args(["--period", &format!("{}..{}", task.period_from, task.period_to)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut compared = 0;
    for line in &own.indicators {
        let other = &theirs["indicators"][&line.id];
        let other = if other.is_null() { &theirs[&line.id] } else { other };
        if other["value"].is_string() {
            assert_eq!(other["value"].as_str(), line.cell.value.as_deref(), "{}", line.id);
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}

fn unwrap(identity: &Identity, armoured: &str) -> Vec<u8> {
    use base64::Engine;
    let body: String = armoured.lines().filter(|l| !l.starts_with('-')).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    age::decrypt(identity, &bytes).unwrap()
}

/// Debian's `age` opens the wrapped key.
fn unwrap_with_age(identity: &Identity, file: &std::path::Path) -> Option<Vec<u8>> {
    use age::secrecy::ExposeSecret;
    let secret = file.with_extension("identity");
    std::fs::write(&secret, identity.to_string().expose_secret()).unwrap();
    let output =
        std::process::Command::new("age").arg("-d").arg("-i").arg(&secret).arg(file).output();
    let Ok(output) = output else {
        eprintln!("SKIPPED unwrap_with_age: age is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}
