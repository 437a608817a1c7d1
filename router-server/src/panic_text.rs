//! What a panic of user code said, and where: what a caller far away is told of it.

use std::any::Any;
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    /// Where this thread panicked last; written by the hook, taken by who catches the panic.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has the places of panics remembered from now on, for [`panic_text`]. A payload does not tell them, only a hook does:
/// the one that was there is called as before. An application that sets its own afterwards loses the places.
pub(crate) fn remember_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(ToString::to_string);
            // A thread that is ending has no place to remember.
            let _ = PLACE.try_with(|last| last.replace(place));
            before(info);
        }));
    });
}

/// The message of a panic that the calling thread just caught, when it is text, and its place:
/// `encoder read 65535 (src/stage.rs:41:9)`.
pub(crate) fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let message = message_of(payload.as_ref());
    // A payload's own drop may panic too; what that panic carries is left alone.
    if let Err(second) = panic::catch_unwind(panic::AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    match PLACE.with(RefCell::take) {
        Some(place) => format!("{message} ({place})"),
        None => message,
    }
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place() {
        remember_places();
        let caught = panic::catch_unwind(|| panic!("encoder read {}", 65535)).unwrap_err();
        let text = panic_text(caught);
        assert!(text.starts_with("encoder read 65535 (") && text.contains("panic_text.rs:"), "{text}");
        let caught = panic::catch_unwind(|| panic::resume_unwind(Box::new(7))).unwrap_err();
        assert_eq!(panic_text(caught), "a panic without a message");
    }
}
