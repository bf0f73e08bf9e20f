//! The only place where the UI thread and the worker thread meet.
//!
//! Commands go out as closures over the desk; what comes back is a closure for the UI thread. In a window
//! it arrives through the event loop, in a test through a channel that the test drains, so that a test
//! needs neither an event loop nor a sleep.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use spotcheck_app::desk::Desk;
use spotcheck_face::AppWindow;

use crate::app::App;

/// What the UI thread does with an answer.
pub(crate) type Reply = Box<dyn FnOnce(&Rc<App>) + Send>;
/// What the worker thread does with the desk.
pub(crate) type Job = Box<dyn FnOnce(&mut dyn Desk) -> Reply + Send>;

thread_local! {
    static APP: RefCell<Weak<App>> = const { RefCell::new(Weak::new()) };
}

/// Makes `app` the one that answers from the event loop belong to.
pub(crate) fn register(app: &Rc<App>) {
    APP.with(|slot| *slot.borrow_mut() = Rc::downgrade(app));
}

/// Brings answers to the UI thread through the event loop.
pub(crate) fn through_event_loop(
    window: slint::Weak<AppWindow>,
) -> impl Fn(Reply) + Send + Sync + 'static {
    move |reply| {
        let sent = window.upgrade_in_event_loop(move |_| {
            let app = APP.with(|slot| slot.borrow().upgrade());
            if let Some(app) = app {
                reply(&app);
            }
        });
        if let Err(error) = sent {
            tracing::debug!("An answer came after the window was closed: {error}.");
        }
    }
}

/// The worker thread that owns the desk.
pub(crate) struct Bridge {
    jobs: RefCell<Option<mpsc::Sender<Job>>>,
    worker: RefCell<Option<JoinHandle<()>>>,
    post: Arc<dyn Fn(Reply) + Send + Sync>,
}

impl Bridge {
    /// Moves the desk to its thread; `post` brings each answer back.
    pub(crate) fn start(
        mut desk: Box<dyn Desk>,
        post: Box<dyn Fn(Reply) + Send + Sync>,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let post: Arc<dyn Fn(Reply) + Send + Sync> = Arc::from(post);
        let answer = Arc::clone(&post);
        let worker = std::thread::Builder::new().name("desk".to_owned()).spawn(move || {
            while let Ok(job) = queue.recv() {
                answer(job(desk.as_mut()));
            }
        })?;
        Ok(Self { jobs: RefCell::new(Some(jobs)), worker: RefCell::new(Some(worker)), post })
    }

    /// Does `work` on a thread of its own; what it posts reaches the UI thread like answers of the worker.
    pub(crate) fn beside(
        &self,
        work: impl FnOnce(&dyn Fn(Reply)) + Send + 'static,
    ) -> std::io::Result<()> {
        let post = Arc::clone(&self.post);
        std::thread::Builder::new()
            .name("errand".to_owned())
            .spawn(move || work(post.as_ref()))
            .map(drop)
    }

    /// False if the worker is gone.
    pub(crate) fn send(&self, job: Job) -> bool {
        self.jobs.borrow().as_ref().is_some_and(|jobs| jobs.send(job).is_ok())
    }

    /// Lets the worker finish what it was given and waits for it, so that nothing confirmed is cut off.
    pub(crate) fn finish(&self) {
        drop(self.jobs.borrow_mut().take());
        let worker = self.worker.borrow_mut().take();
        if let Some(worker) = worker
            && worker.join().is_err()
        {
            tracing::error!("The worker thread ended by a panic.");
        }
    }
}
