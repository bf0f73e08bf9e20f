//! Handheld A is destroyed at seeded moments of a visit, while the schedule of the product copies: handheld B and the
//! centre have everything that was confirmed five minutes before, marked as rescued (evidence.md §1; R42).
//!
//! Nobody calls for a copy here. A runs as a program that stays (`batch -`, or locked), and its schedule goes by a
//! clock of the test's own: minutes pass between acts. `ROUNDS` and `SEED` repeat or lengthen it.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use spotcheck_tests::support::checks::play;
use spotcheck_tests::support::clocked::Clocked;
use spotcheck_tests::support::programs::{HandheldCli, free_port, text};
use spotcheck_tests::support::told::{Holds, list};
use spotcheck_tests::support::visit::{Claims, PARTICULARS, World};

use super::pair::{Confirmed, Dice, Keeping, arg, destroy, goes_on, unzip};

/// evidence.md §1: "within 5 minutes".
const FIVE_MINUTES_MS: i64 = 300_000;
/// Between two rounds of the schedule; the product allows 10 to 180 seconds.
const EVERY_SECONDS: i64 = 90;

/// A program that stays.
struct Session {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Session {
    fn start(a: &HandheldCli, who: usize, arguments: &[&str]) -> Self {
        let mut command = a.command(who, arguments).unwrap();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), child, lines }
    }

    fn say(&mut self, act: &str) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{act}").unwrap();
        let line = self.lines.next().unwrap_or_else(|| panic!("nothing said to: {act}")).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        assert!(said.get("error").is_none(), "{act}: {said}");
        said
    }

    /// Locks: the batch is at its end.
    fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Something confirmed, and when by A's clock since the visit began.
struct Told {
    at_ms: i64,
    act: String,
    said: Value,
}

/// One visit on A.
struct Visit<'a> {
    clock: Clocked,
    session: Option<Session>,
    case: String,
    who: usize,
    now_ms: i64,
    told: Vec<Told>,
    dice: Dice,
    strokes: PathBuf,
    keys: Vec<String>,
    task: &'a str,
    sound: Option<String>,
    photos: Vec<String>,
    step: Option<String>,
    /// Documents begun, and the stage of the newest: new, answered, filled, frozen, then its signatures.
    documents: u32,
    stage: usize,
    n: u32,
}

impl Visit<'_> {
    fn a(&self) -> &HandheldCli {
        &self.clock.cli
    }

    fn act(&mut self, act: &str) -> Value {
        let said = self.session.as_mut().unwrap().say(act);
        self.told.push(Told { at_ms: self.now_ms, act: act.to_owned(), said: said.clone() });
        said
    }

    fn begin(&mut self) {
        self.session = Some(Session::start(self.a(), self.who, &["batch", "-"]));
    }

    /// Time passes, as on a window that looks at its handheld all the time.
    fn pass(&mut self, ms: i64) {
        self.clock.pass(ms).unwrap();
        self.now_ms += ms;
        if let Some(session) = self.session.as_mut().filter(|s| s.input.is_some()) {
            session.say("status");
        }
    }

    /// Waits until the schedule has done what is due by A's clock: it looks once a second.
    fn round_is_done(&self) {
        let known = self.a().data.join("copies").join(format!("{}.json", self.case));
        let began = Instant::now();
        // A's clock is that of this machine and what passed in the test.
        let wall = || {
            let asked = Command::new("date").arg("+%s%3N").output().unwrap();
            let now = String::from_utf8(asked.stdout).unwrap();
            now.trim().parse::<i64>().unwrap() + self.now_ms
        };
        loop {
            let copied =
                fs::read(&known).ok().and_then(|b| serde_json::from_slice::<Value>(&b).ok());
            let at = copied.and_then(|c| c["at_ms"].as_i64()).unwrap_or(0);
            if wall() - at < EVERY_SECONDS * 1000 + 1_000 {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "no round, last one at {at}");
            std::thread::yield_now();
        }
    }

    /// The officer locks; the handheld lies there locked and goes on copying; the other officer unlocks. A picture
    /// may be taken in between.
    fn lock_and_hand_on(&mut self) {
        self.session.take().unwrap().end();
        let door = HandheldCli { pins: Vec::new(), ..self.a().clone() };
        if self.dice.throw(2) == 0 {
            let act = format!("capture photo {}", self.case);
            // Locked, nobody names a case: the only open one is meant.
            let said = door.ok(&["capture", "photo"]).unwrap();
            self.told.push(Told { at_ms: self.now_ms, act, said });
        }
        let listen = format!("127.0.0.1:{}", free_port().unwrap());
        let mut locked = Session::start(&door, 0, &["copy", "serve", &listen]);
        locked.lines.next().unwrap().unwrap();
        locked.input = None;
        self.session = Some(locked);
        for _ in 0..1 + self.dice.throw(4) {
            self.pass(30_000);
            self.round_is_done();
        }
    }

    fn unlock_other(&mut self) {
        self.session.take().unwrap().kill();
        self.who = 1 - self.who;
        self.begin();
    }

    /// The next stage of a paper: drawn up, answered, filled in, frozen, signed or refused.
    fn paper(&mut self) {
        let (case, d, n) = (self.case.clone(), self.documents, self.n);
        let strokes = arg(&self.strokes);
        let stage = self.stage;
        self.stage += 1;
        match stage {
            0 => {
                self.documents += 1;
                self.act(&format!("doc new {case} W04 --party party-2"));
            }
            1 | 2 => {
                let line = format!("doc answer {case} D{d} --question 第{n}问? --answer 第{n}答。");
                self.act(&line);
            }
            3 => {
                for (key, value) in PARTICULARS {
                    self.act(&format!("doc fill {case} D{d} {key} {value}"));
                }
            }
            4 => {
                self.act(&format!("doc freeze {case} D{d}"));
            }
            5 if self.dice.throw(3) == 0 => {
                self.act(&format!("doc refuse {case} D{d} party-2 --reason 不认可第{n}问"));
            }
            5..=7 => {
                let signer = ["party-2", "O-0001", "O-0002"][stage - 5];
                self.act(&format!("doc sign {case} D{d} {signer} --strokes {strokes}"));
            }
            _ => {
                self.stage = 0;
                self.paper();
            }
        }
    }

    fn sound(&mut self) {
        let case = self.case.clone();
        if let Some(id) = self.sound.take() {
            self.act(&format!("capture stop {id}"));
        } else {
            let begun = self.act(&format!("capture audio {case}"));
            self.sound = Some(text(&begun, "/evidence").unwrap());
        }
    }

    fn throw(&mut self) {
        self.n += 1;
        let (case, n) = (self.case.clone(), self.n);
        match self.dice.throw(20) {
            0 | 1 => {
                self.act(&format!("case note {case} 第{n}步所见"));
            }
            2 | 3 => {
                let photo = self.act(&format!("capture photo {case}"));
                self.photos.push(text(&photo, "/id").unwrap());
            }
            4 if !self.photos.is_empty() => {
                let id = self.photos[self.photos.len() - 1].clone();
                let line =
                    format!("capture describe {case} {id} --proves 第{n}床无人 --source 一病区");
                self.act(&line);
                // A later word replaces an earlier one.
                let newest = self.told.len() - 1;
                let same = format!("capture describe {case} {id} ");
                let mut at = 0;
                self.told.retain(|t| {
                    at += 1;
                    at > newest || !t.act.starts_with(&same)
                });
            }
            5 | 6 => self.sound(),
            7 => match self.sound.clone() {
                Some(id) => {
                    self.act(&format!("capture mark {id} 标记{n}"));
                }
                None => self.sound(),
            },
            8 => {
                self.act(&format!("case party {case} --name 证人{n} --post 护士"));
            }
            9 => match self.step.take() {
                Some(step) => {
                    self.act(&format!("case end-step {case} {step}"));
                }
                None => {
                    let line = format!("case step {case} --kind bed_check --title 第{n}次在床核查");
                    let step = self.act(&line);
                    self.step = Some(text(&step, "/step").unwrap());
                }
            },
            10 => {
                if let Some(key) = self.keys.pop() {
                    self.act(&format!(
                        "findings judge --case {case} --key {key} --state confirmed"
                    ));
                }
            }
            11 => {
                let video = self.act(&format!("capture video {case}"));
                self.pass(5_000);
                let id = text(&video, "/evidence").unwrap();
                self.act(&format!("capture stop {id}"));
            }
            12 => self.lock_and_hand_on(),
            _ => self.paper(),
        }
    }
}

/// What B has of the case now.
fn holds(b: &HandheldCli, case: &str, documents: u32) -> Holds {
    Holds {
        case: b.ok(&["case", "show", case]).unwrap(),
        journal: b.ok(&["journal", "--case", case]).unwrap(),
        documents: (1..=documents)
            .filter_map(|n| b.ok(&["doc", "show", case, &format!("D{n}")]).ok())
            .collect(),
        receipts: Value::Null,
    }
}

fn begin<'a>(
    base: &Path,
    world: &'a World,
    keeping: &Keeping,
    stick: Option<&Path>,
    dice: Dice,
) -> Visit<'a> {
    let (a, task) = (&world.handheld, world.task.as_str());
    // Who the partner is has been learned over the link once.
    a.ok(&["copy", "peer", &keeping.address]).unwrap();
    let place = match stick {
        Some(stick) => format!("folder = \"{}\"", stick.display()),
        None => format!("peer = \"{}\"", keeping.address),
    };
    let more = format!("\n[copy]\nevery_seconds = {EVERY_SECONDS}\n{place}\n");
    let mut clock = Clocked::of(a, base, &more).unwrap();
    // Another machine than B: another boot.
    clock.reboot().unwrap();
    let strokes = base.join("strokes.json");
    fs::write(&strokes, r#"[{"points":[[10,10,0,512],[200,120,90,512],[300,60,160,512]]}]"#)
        .unwrap();
    let mut visit = Visit {
        session: None,
        case: String::new(),
        who: 0,
        now_ms: 0,
        told: Vec::new(),
        dice,
        strokes,
        keys: Vec::new(),
        task,
        sound: None,
        photos: Vec::new(),
        step: None,
        documents: 0,
        stage: 0,
        n: 0,
        clock,
    };
    visit.begin();
    let session = visit.session.as_mut().unwrap();
    let opened = session.say(&format!("case open --task {task}"));
    visit.case = text(&opened, "/id").unwrap();
    let found =
        visit.session.as_mut().unwrap().say(&format!("findings list --task {}", visit.task));
    visit.keys = list(&found, "items")
        .iter()
        .filter_map(|f| f["key"].as_str().map(str::to_owned))
        .take(8)
        .collect();
    let case = visit.case.clone();
    for officer in ["O-0001", "O-0002"] {
        visit.act(&format!("case certificate {case} {officer}"));
    }
    visit.act(&format!("case party {case} --name 李四 --post 护士长"));
    visit
}

fn one(round: u64, seed: u64) {
    let dice = Dice(seed.wrapping_add(round.wrapping_mul(0x9e37_79b9)) | 1);
    // A handheld put back from a backup would open the case that it had prepared before: a new pair each time.
    let base = tempfile::tempdir().unwrap();
    let world = World::build_pair(base.path(), &Claims::DemoCity { seed: 51 }).unwrap();
    let b = world.partner.as_ref().unwrap();
    let stick = base.path().join("stick");
    fs::create_dir(&stick).unwrap();
    let by_stick = round % 3 == 1;
    let keeping = Keeping::start(b);
    let mut visit = begin(base.path(), &world, &keeping, by_stick.then_some(&stick), dice);
    let acts = 12 + visit.dice.throw(24);
    for _ in 0..acts {
        visit.throw();
        if visit.session.as_ref().is_some_and(|s| s.input.is_none()) {
            visit.unlock_other();
        }
        let ms = 1_000 * i64::try_from(10 + visit.dice.throw(30)).unwrap();
        visit.pass(ms);
        visit.round_is_done();
    }
    // The last moment is any: acts and time that no round came after, unlocked or locked.
    for _ in 0..visit.dice.throw(4) {
        visit.throw();
        if visit.session.as_ref().is_some_and(|s| s.input.is_none()) {
            break;
        }
        let ms = 1_000 * i64::try_from(visit.dice.throw(20)).unwrap();
        visit.pass(ms);
    }
    let locked = visit.session.as_ref().is_some_and(|s| s.input.is_none());
    visit.session.take().unwrap().kill();
    destroy(visit.a());
    drop(keeping);

    let due: Vec<&Told> =
        visit.told.iter().filter(|t| t.at_ms <= visit.now_ms - FIVE_MINUTES_MS).collect();
    eprintln!(
        "round {round}: destroyed {} after {} s and {} confirmed acts, {} of them five minutes before",
        if locked { "locked" } else { "unlocked" },
        visit.now_ms / 1000,
        visit.told.len(),
        due.len()
    );
    assert!(due.len() >= 3, "a visit too short to say anything");
    let case = visit.case.clone();
    let mut rescue = vec!["copy".to_owned(), "rescue".to_owned(), case.clone()];
    if by_stick {
        rescue.extend(["--from".to_owned(), arg(&stick.join(format!("{case}.copy")))]);
    }
    let rescue: Vec<&str> = rescue.iter().map(String::as_str).collect();
    let done = b.ok(&rescue).unwrap();
    assert_eq!(done["from"], "D-0001", "{done}");
    let holds = holds(b, &case, visit.documents);
    for told in &due {
        holds.insist(&told.act, &told.said).unwrap();
    }
    // Sealed on B, received at the centre, verified and decoded there: the same acts are in the bundle itself.
    let notes = due.iter().filter(|t| t.act.starts_with("case note"));
    let notes = notes.map(|t| t.act.rsplit(' ').next().unwrap().to_owned()).collect();
    let count = |what: &str| due.iter().filter(|t| t.act.starts_with(what)).count();
    let before =
        Confirmed { notes, photos: count("capture photo"), recordings: count("capture audio") };
    let folder = base.path().join("out");
    let out = goes_on(&world, b, &case, &before, &folder);
    let manifest = unzip(&out.bundle, "manifest-sha256.txt");
    for told in due.iter().filter(|t| t.said["sha256"].is_string()) {
        let sha256 = told.said["sha256"].as_str().unwrap();
        assert!(manifest.contains(sha256), "{} is not in the bundle", told.act);
    }
    let record: Value = serde_json::from_str(&unzip(&out.bundle, "data/record.json")).unwrap();
    for told in due.iter().filter(|t| t.act.starts_with("doc freeze")) {
        let content = told.said["content_sha256"].as_str().unwrap();
        assert!(record.to_string().contains(content), "{} is not in the record", told.act);
    }
    let played = play(&out.bundle, &folder).unwrap();
    let recordings = count("capture audio") + count("capture video");
    assert!(played.is_none_or(|n| n >= recordings), "{played:?} of {recordings} recordings");
    let again = b.run_as(0, &rescue).unwrap();
    assert_eq!(again.error_code(), "COPY-HERE");
}

#[test]
fn r42_a_is_destroyed_at_seeded_moments_and_b_has_everything_of_five_minutes_before() {
    let of = |name: &str, else_: u64| {
        std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(else_)
    };
    let (rounds, seed, first) = (of("ROUNDS", 2), of("SEED", 20_261_122), of("FIRST", 0));
    eprintln!("SEED={seed} ROUNDS={rounds} FIRST={first} repeats these moments");
    for round in first..first + rounds {
        one(round, seed);
    }
}
