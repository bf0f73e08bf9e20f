//! The window's state: where the officer is, what the desk last said, and how acts and answers travel.
//!
//! Everything lives on the UI thread in one `Rc`. No `RefCell` borrow is held while a property of the face
//! is set, because setters run bindings and handlers at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use slint::{ComponentHandle, Timer, TimerMode};
use spotcheck_app::desk::{CaseState, CaseView, Desk, TaskCard};
use spotcheck_domain::{CaseId, Clock, TaskId, Trouble, TroubleResult};
use spotcheck_face::{AppWindow, Keys, Shell, Theme};

use crate::bridge::{self, Bridge, Reply};
use crate::claims::{basis, house, person, persons, showing, visit};
use crate::day::{collect, copies, custody, finish, seal, self_check, sync, task, today, unlock};
use crate::error::Error;
use crate::evidence::{capture, cover, describe, opening, pages, pictures, player, timeline};
use crate::findings::{
    compare, compose, hand_out, indicators, method, narrow, suspicion, suspicions, unjudged,
};
pub(crate) use crate::frame::place::Place;
use crate::frame::{
    coach, errand, keyboard, left, place, recording, settings, status, toast, trouble, typing,
};
use crate::language;
use crate::options::FaceOptions;
use crate::papers::{document, draft, interview, party, print, served, sign};

/// How often the clock and a running recording are looked at, in milliseconds.
const TICK_MS: u64 = 1_000;
/// Untouched for so long, the handheld locks itself, in milliseconds.
const IDLE_MS: i64 = 10 * 60 * 1_000;

/// Everything the face needs, on the UI thread.
pub(crate) struct App {
    pub(crate) window: AppWindow,
    pub(crate) clock: Arc<dyn Clock>,
    bridge: Bridge<dyn Desk>,
    pending: Cell<usize>,
    nav: RefCell<Vec<Place>>,
    pub(crate) task: RefCell<Option<TaskCard>>,
    pub(crate) case: RefCell<Option<CaseView>>,
    /// The open case's id, kept while locked so that a photo can still be taken into it.
    open_case: RefCell<Option<CaseId>>,
    pub(crate) toast: toast::Model,
    /// What screens are owed that were not opened since the unlock.
    pub(crate) left: RefCell<left::Left>,
    tick: Timer,
    pub(crate) way_timer: Timer,
    /// When somebody last touched the handheld, milliseconds since the boot.
    touched_ms: Cell<i64>,
    pub(crate) settings: settings::Model,
    pub(crate) draft: draft::Model,
    pub(crate) indicators: indicators::Model,
    pub(crate) compose: compose::Model,
    pub(crate) compare: compare::Model,
    pub(crate) basis: basis::Model,
    pub(crate) unlock: unlock::Model,
    pub(crate) persons: persons::Model,
    pub(crate) person: person::Model,
    pub(crate) visit: visit::Model,
    pub(crate) capture: capture::Model,
    pub(crate) cover: cover::Model,
    pub(crate) describe: describe::Model,
    pub(crate) opening: opening::Model,
    pub(crate) pages: pages::Model,
    pub(crate) interview: interview::Model,
    pub(crate) document: document::Model,
    pub(crate) sign: sign::Model,
    pub(crate) print: print::Model,
    pub(crate) seal: seal::Model,
    pub(crate) custody: custody::Model,
    pub(crate) copies: copies::Model,
    pub(crate) self_check: self_check::Model,
    pub(crate) recording: recording::Model,
    pub(crate) errand: errand::Model,
    pub(crate) typing: typing::Model,
    pub(crate) suspicions: suspicions::Model,
    pub(crate) hand_out: hand_out::Model,
    pub(crate) house: house::Model,
    pub(crate) method: method::Model,
    pub(crate) showing: showing::Model,
    pub(crate) timeline: timeline::Model,
    pub(crate) pictures: pictures::Model,
    pub(crate) player: player::Model,
}

impl App {
    /// Builds the window and starts the worker; the platform must have been selected.
    pub(crate) fn open(
        desk: Box<dyn Desk>,
        options: &FaceOptions,
        post: impl FnOnce(&AppWindow) -> Box<dyn Fn(Reply) + Send + Sync>,
    ) -> Result<Rc<Self>, Error> {
        spotcheck_face::register_fonts();
        let window = AppWindow::new()?;
        window.global::<Theme<'_>>().set_mode(options.theme);
        window.global::<Keys<'_>>().set_enabled(options.keyboard);
        let post: bridge::Post = Arc::from(post(&window));
        let typing = match &options.input {
            Some(make) => {
                let make = Arc::clone(make);
                Some(Bridge::start("typing", move || make(), Arc::clone(&post))?)
            }
            None => None,
        };
        let bridge = Bridge::start("desk", move || desk, post)?;
        let app = Rc::new_cyclic(|weak| Self {
            clock: Arc::clone(&options.clock),
            bridge,
            pending: Cell::new(0),
            nav: RefCell::new(vec![Place::Unlock]),
            task: RefCell::default(),
            case: RefCell::default(),
            open_case: RefCell::default(),
            toast: toast::Model::default(),
            left: RefCell::default(),
            tick: Timer::default(),
            way_timer: Timer::default(),
            touched_ms: Cell::new(options.clock.read().boottime_ms),
            settings: settings::Model::default(),
            draft: draft::Model::default(),
            indicators: indicators::Model::default(),
            compose: compose::Model::default(),
            compare: compare::Model::default(),
            basis: basis::Model::default(),
            unlock: unlock::Model::new(),
            persons: persons::Model::new(weak.clone()),
            person: person::Model::default(),
            visit: visit::Model::new(weak.clone()),
            capture: capture::Model::default(),
            cover: cover::Model::default(),
            describe: describe::Model::default(),
            opening: opening::Model::default(),
            pages: pages::Model::default(),
            interview: interview::Model::default(),
            document: document::Model::default(),
            sign: sign::Model::default(),
            print: print::Model::default(),
            seal: seal::Model::new(),
            custody: custody::Model::new(),
            copies: copies::Model::default(),
            self_check: self_check::Model::default(),
            recording: recording::Model::default(),
            errand: errand::Model::default(),
            typing: typing::Model::new(typing),
            suspicions: suspicions::Model::default(),
            hand_out: hand_out::Model::default(),
            house: house::Model::new(weak.clone()),
            method: method::Model::default(),
            showing: showing::Model::default(),
            timeline: timeline::Model::default(),
            pictures: pictures::Model::default(),
            player: player::Model::default(),
            window,
        });
        app.connect();
        app.show();
        Ok(app)
    }

    fn connect(self: &Rc<Self>) {
        trouble::connect(self);
        toast::connect(self);
        errand::connect(self);
        keyboard::connect(self);
        typing::connect(self);
        recording::connect(self);
        unlock::connect(self);
        today::connect(self);
        task::connect(self);
        party::connect(self);
        persons::connect(self);
        person::connect(self);
        visit::connect(self);
        capture::connect(self);
        cover::connect(self);
        describe::connect(self);
        opening::connect(self);
        pages::connect(self);
        interview::connect(self);
        document::connect(self);
        sign::connect(self);
        served::connect(self);
        print::connect(self);
        seal::connect(self);
        sync::connect(self);
        suspicions::connect(self);
        showing::connect(self);
        collect::connect(self);
        finish::connect(self);
        hand_out::connect(self);
        house::connect(self);
        method::connect(self);
        custody::connect(self);
        copies::connect(self);
        self_check::connect(self);
        timeline::connect(self);
        player::connect(self);
        indicators::connect(self);
        compose::connect(self);
        compare::connect(self);
        basis::connect(self);
        settings::connect(self);
        coach::connect(self);
        let shell = self.window.global::<Shell<'_>>();
        language::begin(self);
        shell.on_back(self.on(Self::back));
        shell.on_show(self.on(showing::show));
        shell.on_show_key(self.on(showing::show_key));
        shell.on_touch(self.on(|app| app.touch()));
        shell.on_go(self.on_with(|app, tab: i32| {
            if let Some(way) = place::to_tab(&app.way(), tab) {
                app.restart_at(&way);
            }
        }));
        shell.on_leave(self.on(|app| {
            if app.case_id().is_some() {
                app.go(Place::Seal { leaving: true });
            }
        }));
        let weak = Rc::downgrade(self);
        self.tick.start(TimerMode::Repeated, Duration::from_millis(TICK_MS), move || {
            if let Some(app) = weak.upgrade() {
                status::show_clock(&app);
                app.lock_when_idle();
                recording::poll(&app);
            }
        });
        status::show_clock(self);
    }

    /// A callback without arguments that holds the app weakly.
    pub(crate) fn on(self: &Rc<Self>, act: impl Fn(&Rc<Self>) + 'static) -> impl Fn() + 'static {
        let weak = Rc::downgrade(self);
        move || {
            if let Some(app) = weak.upgrade() {
                act(&app);
            }
        }
    }

    /// A callback with one argument that holds the app weakly.
    pub(crate) fn on_with<T>(
        self: &Rc<Self>,
        act: impl Fn(&Rc<Self>, T) + 'static,
    ) -> impl Fn(T) + 'static {
        let weak = Rc::downgrade(self);
        move |value| {
            if let Some(app) = weak.upgrade() {
                act(&app, value);
            }
        }
    }

    /// Has the worker do something and takes the answer, good or bad, on the UI thread.
    pub(crate) fn ask_result<T: Send + 'static>(
        self: &Rc<Self>,
        work: impl FnOnce(&mut dyn Desk) -> TroubleResult<T> + Send + 'static,
        then: impl FnOnce(&Rc<Self>, TroubleResult<T>) + Send + 'static,
    ) {
        self.pending.set(self.pending.get().saturating_add(1));
        let sent = self.bridge.send(Box::new(move |desk| {
            let result = work(desk);
            Box::new(move |app: &Rc<Self>| {
                app.pending.set(app.pending.get().saturating_sub(1));
                then(app, result);
            })
        }));
        if !sent {
            self.pending.set(self.pending.get().saturating_sub(1));
            self.window.global::<Shell<'_>>().set_busy("".into());
            trouble::show(
                self,
                &Trouble::new(
                    "UI-WORKER-GONE",
                    "程序内部的工作线程已停止",
                    "已确认存好的都在，录音由独立进程继续",
                    "重新启动程序",
                ),
            );
        }
    }

    /// As [`App::ask_result`], with every trouble shown as a card.
    pub(crate) fn ask<T: Send + 'static>(
        self: &Rc<Self>,
        work: impl FnOnce(&mut dyn Desk) -> TroubleResult<T> + Send + 'static,
        then: impl FnOnce(&Rc<Self>, T) + Send + 'static,
    ) {
        self.ask_result(work, |app, result| match result {
            Ok(value) => then(app, value),
            Err(trouble) => trouble::show(app, &trouble),
        });
    }

    /// As [`App::ask`] for work that takes long: `words` stand on the screen until it ends, either way.
    pub(crate) fn ask_busy<T: Send + 'static>(
        self: &Rc<Self>,
        words: &str,
        work: impl FnOnce(&mut dyn Desk) -> TroubleResult<T> + Send + 'static,
        then: impl FnOnce(&Rc<Self>, T) + Send + 'static,
    ) {
        self.window.global::<Shell<'_>>().set_busy(words.into());
        self.ask_result(work, |app, result| {
            app.window.global::<Shell<'_>>().set_busy("".into());
            match result {
                Ok(value) => then(app, value),
                Err(trouble) => trouble::show(app, &trouble),
            }
        });
    }

    /// Does `work` on a thread of its own; what it posts is answered on the UI thread.
    pub(crate) fn beside(
        &self,
        work: impl FnOnce(&dyn Fn(Reply)) + Send + 'static,
    ) -> std::io::Result<()> {
        self.bridge.beside(work)
    }

    /// One more or one fewer act whose answer has not come yet.
    pub(crate) fn count_pending(&self, more: bool) {
        let now = self.pending.get();
        self.pending.set(if more { now.saturating_add(1) } else { now.saturating_sub(1) });
    }

    /// Acts whose answers have not come yet.
    #[cfg(any(test, feature = "testkit"))]
    pub(crate) fn pending(&self) -> usize {
        self.pending.get()
    }

    /// The screens that lie above one another, the one on top last.
    pub(crate) fn way(&self) -> Vec<Place> {
        self.nav.borrow().clone()
    }

    /// Somebody is there.
    fn touch(&self) {
        self.touched_ms.set(self.clock.read().boottime_ms);
    }

    /// A handheld that lies about locks itself; recordings go on, and the unlock leads back.
    fn lock_when_idle(self: &Rc<Self>) {
        let idle = self.clock.read().boottime_ms.saturating_sub(self.touched_ms.get());
        if idle >= IDLE_MS && self.place() != Place::Unlock && self.pending.get() == 0 {
            self.touch();
            unlock::lock(self);
        }
    }

    /// The screen on top.
    pub(crate) fn place(&self) -> Place {
        self.nav.borrow().last().cloned().unwrap_or(Place::Unlock)
    }

    /// Opens a screen above the present one.
    pub(crate) fn go(self: &Rc<Self>, place: Place) {
        self.nav.borrow_mut().push(place);
        self.show();
    }

    /// Opens a screen in the place of the present one.
    pub(crate) fn replace(self: &Rc<Self>, place: Place) {
        {
            let mut nav = self.nav.borrow_mut();
            nav.pop();
            nav.push(place);
        }
        self.show();
    }

    /// Starts again from one screen.
    pub(crate) fn restart_at(self: &Rc<Self>, places: &[Place]) {
        *self.nav.borrow_mut() = places.to_vec();
        self.show();
    }

    /// One screen back; inside a screen first whatever is open there.
    pub(crate) fn back(self: &Rc<Self>) {
        if document::step_back(self)
            || sign::step_back(self)
            || served::step_back(self)
            || custody::step_back(self)
            || seal::step_back(self)
            || suspicion::step_back(self)
            || indicators::step_back(self)
            || compose::step_back(self)
            || compare::step_back(self)
            || narrow::step_back(self)
        {
            return;
        }
        let mut nav = self.nav.borrow_mut();
        if nav.len() > 1 {
            nav.pop();
        }
        drop(nav);
        self.show();
    }

    /// Draws the screen on top and loads what it shows.
    pub(crate) fn show(self: &Rc<Self>) {
        let place = self.place();
        // A new screen may take the focus for its own field; drawing the same one again must not.
        if self.window.global::<Shell<'_>>().get_screen() != place.screen() {
            self.drop_keyboard();
            // What cannot be taken back any more was read, or is of no use here; it would lie over the rows.
            if !recording::warns(self) {
                toast::pass(self);
            }
        }
        self.show_case_marks();
        self.touch();
        status::show_clock(self);
        self.window.global::<Shell<'_>>().set_place(place.tab());
        place::remember(self);
        language::to_the_party(self, matches!(place, Place::Showing(_) | Place::Cover));
        capture::leave(self, &place);
        showing::leave(self, &place);
        player::leave(self, &place);
        match &place {
            Place::Unlock => unlock::enter(self),
            Place::Today => today::enter(self),
            Place::Task(id) => task::enter(self, id),
            Place::Party => party::enter(self),
            Place::Persons => persons::enter(self),
            Place::Person(id) => person::enter(self, id),
            Place::Visit(id) => visit::enter(self, id),
            Place::Capture => capture::enter(self),
            Place::Describe(id) => describe::enter_item(self, id),
            Place::Opening => opening::enter(self),
            Place::Interview(id) => interview::enter(self, id),
            Place::Document(id) => document::enter(self, id),
            Place::Print(id) => print::enter(self, id),
            Place::Seal { leaving } => seal::enter(self, *leaving),
            Place::Sync => sync::enter(self),
            Place::Status => status::enter(self),
            Place::Suspicions => suspicions::enter(self),
            Place::Suspicion(n) => suspicion::enter(self, *n),
            Place::Showing(what) => showing::enter(self, what),
            Place::Collect => collect::enter(self),
            Place::Finish => finish::enter(self),
            Place::Timeline => timeline::enter(self),
            Place::Indicators => indicators::enter(self),
            Place::Indicator(id) => indicators::enter_one(self, id),
            Place::Compose => compose::enter(self),
            Place::Compare => compare::enter(self),
            Place::Lookup => basis::enter(self),
            Place::Entry(id) => basis::enter_entry(self, id),
            Place::Line(visit, line) => basis::enter_line(self, visit, line),
            Place::Unjudged => unjudged::enter(self),
            Place::Around => crate::findings::around::enter(self),
            Place::HandOut => hand_out::enter(self),
            Place::House => house::enter(self),
            Place::Methods => method::enter_list(self),
            Place::Method(id) => method::enter(self, id),
            Place::Custody(act) => custody::enter(self, *act),
            Place::Copies => copies::enter(self),
            Place::SelfCheck => self_check::enter(self),
            Place::Cover => showing::cover_up(self),
        }
        self.window.global::<Shell<'_>>().set_screen(place.screen());
        coach::show(self);
    }

    /// The case of the task that is open, while something can still be added to it.
    pub(crate) fn case_id(&self) -> Option<CaseId> {
        self.open_case.borrow().clone()
    }

    /// The task that is open.
    pub(crate) fn task_id(&self) -> Option<TaskId> {
        self.task.borrow().as_ref().map(|card| card.task.id.clone())
    }

    /// The task that is open is one to learn on.
    pub(crate) fn is_practice(&self) -> bool {
        self.task.borrow().as_ref().is_some_and(|card| card.task.is_practice())
    }

    /// Keeps the newest view of the case and tells the shell.
    pub(crate) fn keep_case(self: &Rc<Self>, case: CaseView) {
        *self.open_case.borrow_mut() = (case.state == CaseState::Open).then(|| case.id.clone());
        *self.case.borrow_mut() = Some(case);
        self.show_case_marks();
    }

    /// Leaves the task: no case is open any more.
    pub(crate) fn drop_case(self: &Rc<Self>) {
        self.case.borrow_mut().take();
        self.open_case.borrow_mut().take();
        pages::forget(self);
        self.show_case_marks();
    }

    /// Forgets everything that was read from a package or case; the lock key does this.
    pub(crate) fn forget(self: &Rc<Self>) {
        self.case.borrow_mut().take();
        self.task.borrow_mut().take();
        left::forget(self);
        toast::end(self);
        persons::forget(self);
        person::forget(self);
        visit::forget(self);
        interview::forget(self);
        document::forget(self);
        sign::forget(self);
        seal::forget(self);
        opening::forget(self);
        pages::forget(self);
        typing::forget(self);
        draft::forget(self);
        settings::forget(self);
        timeline::forget(self);
        capture::forget(self);
        player::forget(self);
        errand::forget(self);
        indicators::forget(self);
        compose::forget(self);
        compare::forget(self);
        basis::forget(self);
        house::forget(self);
        method::forget(self);
        custody::forget(self);
        copies::forget(self);
        self_check::forget(self);
        suspicions::forget(self);
        showing::forget(self);
    }

    /// Shows or hides what depends on an open case.
    pub(crate) fn show_case_marks(&self) {
        let open = self.case_id().is_some();
        let shell = self.window.global::<Shell<'_>>();
        shell.set_in_case(open && self.place().in_case());
        shell.set_practice(self.is_practice() && self.place().of_task());
        shell.set_can_photo(true);
        shell.set_can_show(self.task_id().is_some() && showing::of(&self.place()).is_some());
    }

    /// Fetches the case again and lets `then` draw from it.
    pub(crate) fn refresh_case(self: &Rc<Self>, then: impl FnOnce(&Rc<Self>) + Send + 'static) {
        let Some(case) = self.case.borrow().as_ref().map(|c| c.id.clone()) else {
            then(self);
            return;
        };
        self.ask(
            move |desk| desk.case(&case),
            move |app, view| {
                app.keep_case(view);
                then(app);
            },
        );
    }

    /// Takes the focus from whatever field has it, which closes the keyboard.
    pub(crate) fn drop_keyboard(self: &Rc<Self>) {
        self.window.invoke_drop_focus();
        typing::put_away(self);
    }

    /// Ends the worker after what it was given. An errand that is out is asked to stop and not waited for:
    /// what it brought would only be fetched again.
    pub(crate) fn finish(self: &Rc<Self>) {
        errand::stop(self);
        self.tick.stop();
        self.way_timer.stop();
        toast::end(self);
        self.bridge.finish();
        self.typing.finish();
    }
}

/// Opens the window and returns when it is closed.
///
/// The desk is moved to one worker thread, which owns it until the end. Software renderer, back end by name.
///
/// # Errors
/// [`Error::Platform`] if there is no such display, [`Error::Worker`] if no thread can be started.
pub fn run(desk: Box<dyn Desk>, options: &FaceOptions) -> Result<(), Error> {
    slint::BackendSelector::new()
        .backend_name(options.backend.name().to_owned())
        .renderer_name("software".to_owned())
        .select()?;
    let app =
        App::open(desk, options, |window| Box::new(bridge::through_event_loop(window.as_weak())))?;
    bridge::register(&app);
    tracing::info!(backend = options.backend.name(), "The window opens.");
    app.window.window().set_fullscreen(options.fullscreen);
    let result = app.window.run();
    app.finish();
    result.map_err(Error::from)
}
