//! The visit that is interrupted: seeded, so that each run is another one and can be repeated.

use std::path::Path;

use spotcheck_tests::support::visit::PARTICULARS;

use crate::random::Random;

/// What a run does: who records at the door, and the acts after the case was opened.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    /// Sound was started locked, before any case was open.
    pub(crate) door: bool,
    acts: Vec<String>,
}

const CASE: &str = "{case}";

impl Story {
    pub(crate) fn draw(random: &mut Random, strokes: &Path, pins: &[String]) -> Self {
        let door = random.below(3) == 0;
        let mut writer =
            Writer { acts: Vec::new(), items: u32::from(door), sound: door.then_some(1) };
        writer.write(random, strokes, pins);
        Self { door, acts: writer.acts }
    }

    /// One line each, in the words of the command line.
    pub(crate) fn acts(&self, case: &str) -> Vec<String> {
        self.acts.iter().map(|act| act.replace(CASE, case)).collect()
    }
}

struct Writer {
    acts: Vec<String>,
    items: u32,
    sound: Option<u32>,
}

impl Writer {
    fn act(&mut self, act: impl Into<String>) {
        self.acts.push(act.into());
    }

    fn photo(&mut self) {
        self.items += 1;
        self.act(format!("capture photo {CASE}"));
    }

    fn start_sound(&mut self) {
        if self.sound.is_none() {
            self.items += 1;
            self.sound = Some(self.items);
            self.act(format!("capture audio {CASE}"));
        }
    }

    fn stop_sound(&mut self) {
        if let Some(item) = self.sound.take() {
            self.act(format!("capture stop E{item}"));
        }
    }

    fn write(&mut self, random: &mut Random, strokes: &Path, pins: &[String]) {
        self.act(format!("case certificate {CASE} O-0001"));
        self.act(format!("case certificate {CASE} O-0002"));
        self.act(format!("case step {CASE} --kind bed_check --title 在床核查"));
        self.act(format!("case note {CASE} 第一句"));
        if random.half() {
            self.start_sound();
        }
        self.photo();
        let photo = self.items;
        self.act(format!("capture describe {CASE} E{photo} --proves 床上无人 --source 一病区"));
        self.act(format!("case party {CASE} --name 李四 --post 护士长"));
        self.start_sound();
        let video = (random.below(4) == 0).then(|| {
            self.items += 1;
            self.act(format!("capture video {CASE}"));
            self.items
        });
        self.act(format!("doc new {CASE} W04 --party party-2"));
        for n in 1..=4 {
            self.act(format!("doc answer {CASE} D1 --question 第{n}问? --answer 第{n}答。"));
            if random.below(4) == 0
                && let Some(item) = self.sound
            {
                self.act(format!("capture mark E{item} 标记{n}"));
            }
        }
        if let Some(item) = video {
            self.act(format!("capture stop E{item}"));
        }
        if random.below(3) == 0 {
            self.stop_sound();
            self.photo();
            let photo = self.items;
            self.act(format!(
                "capture describe {CASE} E{photo} --proves 病历在桌上 --source 护士站"
            ));
            self.start_sound();
        }
        for (key, value) in PARTICULARS {
            self.act(format!("doc fill {CASE} D1 {key} {value}"));
        }
        self.act(format!("doc freeze {CASE} D1"));
        let signers: Vec<String> = pins.iter().map(|pin| format!("--signer {pin}")).collect();
        let signers = signers.join(" ");
        // A clock that was set back below the centre's signed time takes no signature without this word.
        self.act(format!("case clock {CASE} --says 护士站挂钟 {signers}"));
        let refused = random.below(3) == 0;
        if refused {
            self.act(format!("doc refuse {CASE} D1 party-2 --reason 不认可第二答"));
        }
        for signer in ["party-2", "O-0001", "O-0002"].into_iter().skip(usize::from(refused)) {
            let strokes = strokes.display();
            self.act(format!("doc sign {CASE} D1 {signer} --strokes {strokes}"));
        }
        // Sealing stops what still runs.
        if random.below(3) > 0 {
            self.stop_sound();
        }
        self.act(format!("case end-step {CASE} S1"));
        self.act(format!("case note {CASE} 最后一句"));
        self.act(format!("seal {CASE} --incomplete 撤离 {signers}"));
    }
}
