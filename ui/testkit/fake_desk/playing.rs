//! The invented player: every look hears one second more.

use spotcheck_app::desk::RecordingKind;
use spotcheck_app::playing::{PlayAct, PlayDesk, PlayView};
use spotcheck_app::ports::{Picture, Playback};
use spotcheck_domain::time::parse_rfc3339;
use spotcheck_domain::{CaseId, TroubleResult};
use zeroize::Zeroizing;

use super::{FakeDesk, papers, trouble};

/// Milliseconds that are heard between two looks.
const LOOK_MS: u64 = 1_000;

/// What is played, and what was marked.
#[derive(Default)]
pub(super) struct Played {
    view: Option<PlayView>,
    headphones: bool,
    /// Evidence and milliseconds.
    pub(super) marks: Vec<(String, u64)>,
    /// Evidence, milliseconds, and whether it was paused then or went on.
    pub(super) pauses: Vec<(String, u64, bool)>,
}

impl FakeDesk {
    fn now_played(&self) -> Option<PlayView> {
        let mut view = self.played.view.clone()?;
        view.hushed = !self.running.is_empty() && !self.played.headphones;
        Some(view)
    }

    fn length_ms(&self, evidence: &str) -> Option<(bool, u64)> {
        if let Some(running) = self.running.iter().find(|r| r.evidence == evidence) {
            return Some((running.kind == RecordingKind::Video, running.stored_ms));
        }
        let item = self.case.as_ref()?.evidence.iter().find(|e| e.id == evidence)?;
        let ms = |text: &str| parse_rfc3339(text).unwrap_or_default();
        let length = u64::try_from(ms(&item.ended).saturating_sub(ms(&item.begun))).ok()?;
        let video = item.media_type.starts_with("video/");
        (video || item.media_type.starts_with("audio/")).then_some((video, length))
    }
}

impl PlayDesk for FakeDesk {
    fn play(&mut self, act: &PlayAct) -> TroubleResult<Option<PlayView>> {
        self.needs_unlock()?;
        match act {
            PlayAct::Open { evidence, at_ms, .. } => {
                let (video, duration_ms) = self.length_ms(evidence).ok_or_else(|| {
                    trouble("PLAY-NOTHING", "还没有存下能放的内容", "已录的都在", "稍后再放")
                })?;
                let position_ms = (*at_ms).min(duration_ms);
                let now = Playback { position_ms, duration_ms, ..Playback::default() };
                let evidence = evidence.clone();
                self.played.headphones = false;
                self.played.view = Some(PlayView { evidence, video, hushed: false, now });
            }
            PlayAct::Close => self.played.view = None,
            PlayAct::Headphones => self.played.headphones = true,
            PlayAct::Play | PlayAct::Pause | PlayAct::Seek(_) => {
                if let Some(PlayView { now, .. }) = &mut self.played.view {
                    match act {
                        PlayAct::Seek(ms) => now.position_ms = (*ms).min(now.duration_ms),
                        PlayAct::Play => now.playing = true,
                        _ => now.playing = false,
                    }
                }
            }
        }
        Ok(self.now_played())
    }

    fn playing(&mut self) -> TroubleResult<Option<PlayView>> {
        if let Some(PlayView { now, .. }) = self.played.view.as_mut().filter(|v| v.now.playing) {
            now.position_ms = now.position_ms.saturating_add(LOOK_MS).min(now.duration_ms);
            now.ended = now.position_ms == now.duration_ms;
            now.playing = !now.ended;
        }
        Ok(self.now_played())
    }

    fn play_picture(&mut self, newer_than: u64) -> TroubleResult<Option<Picture>> {
        let (width, height) = (160_u32, 90_u32);
        let bytes = usize::try_from(width.saturating_mul(height).saturating_mul(3));
        let grey = (0..bytes.unwrap_or(0)).map(|n| u8::try_from(n % 199).unwrap_or(0));
        let rgb = Zeroizing::new(grey.collect());
        let number = newer_than.saturating_add(1);
        Ok(self.played.view.is_some().then_some(Picture { number, width, height, rgb }))
    }

    fn photo(&mut self, _: &CaseId, _: &str) -> TroubleResult<Option<Zeroizing<Vec<u8>>>> {
        self.needs_unlock()?;
        Ok(papers::shelf().map(Zeroizing::new))
    }
}
