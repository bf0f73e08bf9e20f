//! What the self-check asks of the devices around the program.

use spotcheck_domain::TroubleResult;

use crate::desk::PrinterView;

/// Tries each device once, on request. Slow: asked beside the desk, never by it. Composed of `device` and `print`.
pub trait Probes: Send {
    /// Another handle, for the thread on which the self-check runs.
    fn handle(&self) -> Box<dyn Probes>;
    /// Listens to the microphone for so many milliseconds without keeping anything: the loudest level, 0–100.
    ///
    /// # Errors
    /// `DEVICE-MICROPHONE` where there is none.
    fn sound(&mut self, ms: u64) -> TroubleResult<u8>;
    /// Takes one picture, keeps nothing of it: its mean brightness, 0–100.
    ///
    /// # Errors
    /// `DEVICE-CAMERA` where there is none.
    fn picture(&mut self) -> TroubleResult<u8>;
    /// Plays a short tone; false where no loudspeaker was found.
    ///
    /// # Errors
    /// A loudspeaker that does not play.
    fn tone(&mut self) -> TroubleResult<bool>;
    /// Printers of the configuration, each with whether it can print now.
    ///
    /// # Errors
    /// The configuration cannot be used.
    fn printers(&mut self) -> TroubleResult<Vec<(PrinterView, bool)>>;
    /// Names of plugged-in devices that type: scanners and keyboards.
    fn typing(&mut self) -> Vec<String>;
}
