//! What a test's thread logs, and no other: tests run beside each other.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Once;

use log::{LevelFilter, Log, Metadata, Record};

type Heard = Box<dyn Fn(&Record<'_>)>;

thread_local! {
    static HEARD: RefCell<Option<Heard>> = const { RefCell::new(None) };
}

struct Listener;

impl Log for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // a thread that ends may log when this is gone
        let _ = HEARD.try_with(|heard| {
            if let Some(heard) = &*heard.borrow() {
                heard(record);
            }
        });
    }

    fn flush(&self) {}
}

/// Gives what this thread logs while it works, INFO and worse, to `heard`, at once.
pub(super) fn listen(heard: impl Fn(&Record<'_>) + 'static, work: impl FnOnce()) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Listener).unwrap();
        log::set_max_level(LevelFilter::Info);
    });
    HEARD.set(Some(Box::new(heard)));
    work();
    HEARD.set(None);
}

/// What this thread logs while it works.
pub(super) fn logged(work: impl FnOnce()) -> Vec<String> {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&lines);
    listen(
        move |record| kept.borrow_mut().push(record.args().to_string()),
        work,
    );
    lines.take()
}
