//! What the self-check tries: the recorder's devices over a connection of its own, the loudspeaker, the printers,
//! and what is plugged in.

use std::path::{Path, PathBuf};

use spotcheck_app::desk::PrinterView;
use spotcheck_app::ports::Probes;
use spotcheck_device::config::SpeakerConfig;
use spotcheck_device::recorder::{Launch, Parent};
use spotcheck_domain::TroubleResult;
use spotcheck_print::Printers;

/// Devices of this handheld.
pub(crate) struct DeviceProbes {
    data: PathBuf,
    launch: Launch,
    recorder: Parent,
    speaker: SpeakerConfig,
    printers: Printers,
}

impl DeviceProbes {
    /// Connects to nothing yet.
    pub(crate) fn new(
        data: &Path,
        launch: Launch,
        speaker: &SpeakerConfig,
        printers: Printers,
    ) -> Self {
        let recorder = Parent::new(data, launch.clone());
        Self { data: data.to_owned(), launch, recorder, speaker: speaker.clone(), printers }
    }
}

impl Probes for DeviceProbes {
    fn handle(&self) -> Box<dyn Probes> {
        Box::new(Self::new(&self.data, self.launch.clone(), &self.speaker, self.printers.clone()))
    }

    fn sound(&mut self, ms: u64) -> TroubleResult<u8> {
        self.recorder.loudest(ms)
    }

    fn picture(&mut self) -> TroubleResult<u8> {
        let jpeg = self.recorder.photo()?;
        let grey = spotcheck_device::grey_of(&jpeg)?;
        Ok(grey.brightness_percent())
    }

    fn tone(&mut self) -> TroubleResult<bool> {
        Ok(spotcheck_device::play_tone(&self.speaker)?)
    }

    fn printers(&mut self) -> TroubleResult<Vec<(PrinterView, bool)>> {
        Ok(self.printers.looked_at())
    }

    fn typing(&mut self) -> Vec<String> {
        spotcheck_device::typing_devices()
    }
}
