//! Listening to a recording of the case, also while it is still being made.
//!
//! While sound is recorded, playing gives pictures and words but no sound: what came out of the loudspeaker would
//! be on the recording as if it had been said in the room, and nobody could tell later. So a recording that begins
//! makes playing rest first. An officer who says that the headphones are on hears it all the same (that is how a
//! key word is completed while the interview goes on), and the journal says that he did. What is kept ahead of the
//! next recording hears the loudspeaker too; while playing is loud, nothing is kept.

use spotcheck_domain::{CaseId, TroubleResult};
use zeroize::Zeroizing;

use crate::desk::RecordingKind;
use crate::handheld::Handheld;
use crate::model::{Evidence, kind};
use crate::ports::{Picture, Playback};
use crate::troubles;

/// A photo with more bytes than this is not shown beside the time line.
const PHOTO_BYTES: u64 = 24 * 1024 * 1024;

/// What is asked of the player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlayAct {
    /// Takes a recording of a case, at rest.
    Open {
        /// The case.
        case: CaseId,
        /// `E1` …
        evidence: String,
        /// Milliseconds into it.
        at_ms: u64,
    },
    /// Goes on; from the beginning at the end.
    Play,
    /// Rests.
    Pause,
    /// Goes to a place, milliseconds.
    Seek(u64),
    /// The officer wears headphones: sound also while something is recorded.
    Headphones,
    /// Lets go of it.
    Close,
}

/// What plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayView {
    /// `E1` …
    pub evidence: String,
    /// With pictures.
    pub video: bool,
    /// No sound comes out because something is being recorded.
    pub hushed: bool,
    /// Where it stands.
    pub now: Playback,
}

/// Listening, as a part of [`Desk`](crate::desk::Desk).
pub trait PlayDesk {
    /// Does something with the player; what plays then.
    fn play(&mut self, act: &PlayAct) -> TroubleResult<Option<PlayView>>;
    /// What plays.
    fn playing(&mut self) -> TroubleResult<Option<PlayView>>;
    /// The picture at the present place, if it is newer than the one with this number.
    fn play_picture(&mut self, newer_than: u64) -> TroubleResult<Option<Picture>>;
    /// A photo of the case, the camera's own bytes; `None` for one that is too large to be looked at in passing.
    fn photo(&mut self, case: &CaseId, evidence: &str)
    -> TroubleResult<Option<Zeroizing<Vec<u8>>>>;
}

/// What the player was given.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    case: CaseId,
    evidence: String,
    video: bool,
    headphones: bool,
}

impl PlayDesk for Handheld {
    fn play(&mut self, act: &PlayAct) -> TroubleResult<Option<PlayView>> {
        match act {
            PlayAct::Open { case, evidence, at_ms } => {
                self.open_recording(case, evidence, *at_ms)?
            }
            PlayAct::Play => {
                let hushed = self.hushed();
                self.ports.player.silence(hushed);
                if self.played.is_some() && !hushed {
                    self.loud(true);
                }
                self.ports.player.play();
            }
            PlayAct::Pause => {
                self.ports.player.pause();
                self.loud(false);
            }
            PlayAct::Seek(ms) => self.ports.player.seek(*ms),
            PlayAct::Headphones => self.wear_headphones()?,
            PlayAct::Close => self.stop_playing(),
        }
        self.playing()
    }

    fn playing(&mut self) -> TroubleResult<Option<PlayView>> {
        let Some(played) = self.played.clone() else { return Ok(None) };
        let Some(now) = self.ports.player.now() else { return Ok(None) };
        if !now.playing {
            self.loud(false);
        }
        let hushed = self.hushed();
        Ok(Some(PlayView { evidence: played.evidence, video: played.video, hushed, now }))
    }

    fn play_picture(&mut self, newer_than: u64) -> TroubleResult<Option<Picture>> {
        Ok(self.ports.player.picture(newer_than))
    }

    fn photo(
        &mut self,
        case: &CaseId,
        evidence: &str,
    ) -> TroubleResult<Option<Zeroizing<Vec<u8>>>> {
        let item: Option<Evidence> = self.case_chain(case)?.value(kind::EVIDENCE, evidence)?;
        let item = item.filter(|item| item.media_type == "image/jpeg");
        let file = item.and_then(|item| item.file).ok_or_else(|| troubles::unknown("照片"))?;
        if file.size > PHOTO_BYTES {
            return Ok(None);
        }
        self.ports.blobs.read(case, &file).map(Some)
    }
}

impl Handheld {
    /// Sound is being recorded, and nobody said that headphones are on.
    fn hushed(&self) -> bool {
        let headphones = self.played.as_ref().is_some_and(|played| played.headphones);
        !self.running.is_empty() && !headphones
    }

    /// The loudspeaker gives sound, or does not: nothing is kept ahead of a recording meanwhile.
    fn loud(&mut self, on: bool) {
        if self.loud != on {
            self.loud = on;
            self.listen_ahead();
        }
    }

    fn open_recording(&mut self, case: &CaseId, evidence: &str, at_ms: u64) -> TroubleResult<()> {
        self.stop_playing();
        let item: Option<Evidence> = self.case_chain(case)?.value(kind::EVIDENCE, evidence)?;
        let item = item.ok_or_else(|| troubles::unknown("录音录像"))?;
        let recording = item.recording.ok_or_else(|| troubles::unknown("录音录像"))?;
        let bytes = self.ports.blobs.recording(case, &item.path, item.file.as_ref())?;
        let hushed = self.hushed();
        self.ports.player.open(bytes, at_ms, hushed)?;
        self.played = Some(Played {
            case: case.clone(),
            evidence: evidence.to_owned(),
            video: recording == RecordingKind::Video,
            headphones: false,
        });
        Ok(())
    }

    /// Before a recording begins: no sound of ours may be in the room.
    pub(crate) fn hush(&mut self) {
        if self.played.as_ref().is_some_and(|played| !played.headphones) {
            self.ports.player.pause();
            self.ports.player.silence(true);
        }
        self.loud(false);
    }

    /// A recording that is played has been closed: its parts are found by another list now.
    pub(crate) fn take_up_closed(&mut self, case: &CaseId, evidence: &str) {
        let same = |played: &Played| &played.case == case && played.evidence == evidence;
        let Some(headphones) = self.played.as_ref().filter(|p| same(p)).map(|p| p.headphones)
        else {
            return;
        };
        let at_ms = self.ports.player.now().map_or(0, |now| now.position_ms);
        if let Err(trouble) = self.open_recording(case, evidence, at_ms) {
            tracing::warn!(code = %trouble.code, "A recording that ended plays no more.");
        }
        if let Some(played) = &mut self.played {
            played.headphones = headphones;
        }
    }

    /// Nothing plays any more, and nothing of it is in memory.
    pub(crate) fn stop_playing(&mut self) {
        self.ports.player.close();
        self.played = None;
        self.loud(false);
    }

    /// The case is left: what plays goes on only if it belongs to `case`.
    pub(crate) fn stop_playing_others(&mut self, case: &CaseId) {
        if self.played.as_ref().is_some_and(|played| &played.case != case) {
            self.stop_playing();
        }
    }

    /// Said by the officer; it stands in the journal of what is being recorded.
    fn wear_headphones(&mut self) -> TroubleResult<()> {
        let Some(evidence) = self.played.as_ref().map(|played| played.evidence.clone()) else {
            return Ok(());
        };
        for running in self.running.clone() {
            let draft = self
                .draft("note")?
                .about(running.evidence.as_str())
                .fact("what", "played_with_headphones")
                .fact("played", evidence.as_str());
            if self.open_meta(&running.case).is_ok() {
                self.commit(&running.case, vec![draft], vec![])?;
            } else {
                // Nobody's case yet: the handheld's own journal has it.
                self.journal_device(draft)?;
            }
        }
        if let Some(played) = &mut self.played {
            played.headphones = true;
        }
        self.ports.player.silence(false);
        Ok(())
    }
}
