//! Places that an officer chose in the window, while the program runs.

use spotcheck_app::desk::SecondCopies as _;

use super::*;

fn plan(folder: &Path, stick: bool) -> CopyPlan {
    CopyPlan { folder: Some(folder.display().to_string()), stick, ..CopyPlan::default() }
}

/// R42: what is chosen counts at the next look and wins over device.toml, also after a restart; what was chosen
/// before gets nothing more. A stick that was pulled out is told, and nothing is written where it was.
#[test]
fn r42_a_chosen_place_gets_the_next_round_and_a_stick_that_is_gone_gets_nothing() {
    let mut table = Table::laid();
    for n in 1..=130 {
        table.second(n);
    }
    assert!(table.on_b(COPY_LABEL));
    let stick = tempfile::tempdir().unwrap();
    table.visit.plan_copies(&plan(stick.path(), false)).unwrap();
    table.second(131);
    let copy = stick.path().join(copy_folder_name(table.case.as_str()));
    assert!(copy.join(COPY_LABEL).is_file(), "at once");
    let before = table.captured.len();
    for n in 132..=460 {
        table.second(n);
    }
    assert!(table.captured.len() > before);
    assert!(table.captured.keys().any(|name| !table.on_b(name)), "B was left");
    let rounds = table.room.rounds();
    assert_eq!(rounds.len(), 1, "the round to B is no news any more: {rounds:?}");
    assert!(rounds[0].place == CopyPlace::Folder && rounds[0].done.is_ok(), "{rounds:?}");

    // The same folder as a stick: nothing is mounted there.
    let gone = tempfile::tempdir().unwrap();
    table.visit.plan_copies(&plan(gone.path(), true)).unwrap();
    table.second(461);
    assert_eq!(fs::read_dir(gone.path()).unwrap().count(), 0);
    let told = table.room.rounds().remove(0).done.unwrap_err();
    assert_eq!(told.code, "COPY-STICK-GONE");

    let again = room(table._a.path(), &table.room.config, &table.clock);
    assert_eq!(again.plan_now(), plan(gone.path(), true));
    assert_eq!(again.plan_now().peer, None, "and not the configured one");
}

/// Keeping for others begins and ends with the plan, while the program runs.
#[test]
fn copies_are_kept_for_others_as_long_as_it_is_planned() {
    let data = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at_ms(BEGIN_MS));
    let root = Root::new();
    let room = room(data.path(), &CopyConfig::default(), &clock);
    room.keep_for_others(&|| Ok(root.keys("D-0002")));
    assert_eq!(room.rounds.now(), [], "nobody asked for it");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    room.store_plan(&CopyPlan { listen: Some(free.to_string()), ..CopyPlan::default() }).unwrap();
    let (keeping, keys) = (room.clone(), root.keys("D-0002"));
    let serving = std::thread::spawn(move || {
        let keys = Mutex::new(Some(keys));
        keeping.keep_for_others(&|| Ok(keys.lock().unwrap().take().unwrap()));
    });
    let met = || PartnerLink::connect(free, &root.keys("D-0001").identity, &root.pem);
    let begun = std::time::Instant::now();
    while met().is_err() {
        assert!(begun.elapsed().as_secs() < 20, "nobody listens");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(met().unwrap().partner().device.as_str(), "D-0002");
    assert!(room.rounds.now()[0].done.is_ok());
    room.store_plan(&CopyPlan::default()).unwrap();
    serving.join().unwrap();
    assert!(met().is_err(), "it stopped listening");

    // An address that is taken is told.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    room.store_plan(&CopyPlan { listen: Some(at), ..CopyPlan::default() }).unwrap();
    room.keep_for_others(&|| Ok(root.keys("D-0002")));
    assert_eq!(room.rounds.now()[0].done.as_ref().unwrap_err().code, "COPY-LISTEN");
}
