//! Custody of the invented handheld: an unset clock, PINs, handing a case on.

use secrecy::{ExposeSecret, SecretString};
use spotcheck_app::desk::Custody;
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};

use super::{FakeDesk, TOKEN_PIN, trouble};

impl FakeDesk {
    /// As [`FakeDesk::new`], after a flat battery: nobody has set the clock.
    #[must_use]
    pub fn with_unset_clock(mut self) -> Self {
        self.unset_clock = true;
        self
    }

    /// Nothing is signed under a clock that nobody set.
    pub(super) fn vouched(&self) -> TroubleResult<()> {
        if self.unset_clock {
            return Err(trouble(
                "CLOCK-NOT-SET",
                "手持机的时钟没有设置，暂不能签字",
                "采集、填写都照常保存",
                "在“设备”里由两名检查人员共同登记当前时间",
            ));
        }
        Ok(())
    }

    /// As [`FakeDesk::new`], and the first officer has a token whose PIN is [`TOKEN_PIN`].
    #[must_use]
    pub fn with_token(mut self) -> Self {
        if let Some(first) = self.officers.first_mut() {
            first.token = true;
        }
        self
    }

    pub(super) fn knows(&self, officer: &OfficerId, pin: &SecretString) -> bool {
        let Some(n) = self.officers.iter().position(|o| o.id == *officer) else { return false };
        let own = self.pins.get(n).map(String::as_str) == Some(pin.expose_secret());
        let token = self.officers.get(n).is_some_and(|card| card.token);
        own && (!token || self.token_pins.get(officer).is_some_and(|typed| typed == TOKEN_PIN))
    }
}

impl Custody for FakeDesk {
    fn enter_clock(
        &mut self,
        case: &CaseId,
        pins: &[(OfficerId, SecretString)],
        says: &str,
    ) -> TroubleResult<()> {
        self.open_view(case)?;
        if pins.len() < 2 || says.is_empty() || !pins.iter().all(|(o, pin)| self.knows(o, pin)) {
            return Err(trouble(
                "VAULT-PIN-WRONG",
                "有一位的 PIN 不对，没有登记",
                "数据都在",
                "两人各自重新输入 PIN",
            ));
        }
        self.unset_clock = false;
        Ok(())
    }

    fn token_pin(&mut self, officer: &OfficerId, pin: SecretString) {
        self.token_pins.insert(officer.clone(), pin.expose_secret().to_owned());
    }

    fn new_pin(
        &mut self,
        officer: &OfficerId,
        old: &SecretString,
        new: &SecretString,
    ) -> TroubleResult<()> {
        if !self.knows(officer, old) {
            return Err(trouble(
                "VAULT-PIN-WRONG",
                "现在的 PIN 不对，没有更改",
                "数据都在",
                "重新输入",
            ));
        }
        let place = self.officers.iter().position(|o| o.id == *officer);
        if let Some(pin) = place.and_then(|n| self.pins.get_mut(n)) {
            new.expose_secret().clone_into(pin);
        }
        Ok(())
    }

    fn hand_on(
        &mut self,
        case: &CaseId,
        to: &OfficerId,
        _reason: Option<&str>,
        _open_points: &[String],
    ) -> TroubleResult<()> {
        self.open_view(case)?;
        self.accesses.push(("handover".to_owned(), to.to_string()));
        Ok(())
    }
}
