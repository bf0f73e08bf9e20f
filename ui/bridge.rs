//! The only place where the UI thread and the worker thread meet.
//!
//! Commands go out as closures over what the worker owns (the desk; the input engine has a worker of its
//! own, so that typing never waits for a search); what comes back is a closure for the UI thread. In a window
//! it arrives through the event loop, in a test through a channel that the test drains, so that a test
//! needs neither an event loop nor a sleep.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use spotcheck_face::AppWindow;

use crate::app::App;

/// What the UI thread does with an answer.
pub(crate) type Reply = Box<dyn FnOnce(&Rc<App>) + Send>;
/// What a worker thread does with what it owns.
pub(crate) type Job<T> = Box<dyn FnOnce(&mut T) -> Reply + Send>;
/// Brings a reply to the UI thread.
pub(crate) type Post = Arc<dyn Fn(Reply) + Send + Sync>;

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

/// A worker thread and what it owns: the desk, or the input engine.
pub(crate) struct Bridge<T: ?Sized> {
    jobs: RefCell<Option<mpsc::Sender<Job<T>>>>,
    worker: RefCell<Option<JoinHandle<()>>>,
    post: Post,
}

impl<T: ?Sized + 'static> Bridge<T> {
    /// Makes the thread's own thing on it; `post` brings each answer back.
    pub(crate) fn start(
        name: &str,
        make: impl FnOnce() -> Box<T> + Send + 'static,
        post: Post,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job<T>>();
        let answer = Arc::clone(&post);
        let worker = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut own = make();
            while let Ok(job) = queue.recv() {
                answer(job(own.as_mut()));
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
    pub(crate) fn send(&self, job: Job<T>) -> bool {
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
