//! Ctrl-C as an event that a command waits for.

use crossbeam_channel::Receiver;

use crate::exit::CommandError;

/// Takes Ctrl-C (and a polite request to end) over from the operating system: each is one message.
///
/// The channel holds two: the first and the second Ctrl-C mean something, a third nothing more.
///
/// # Errors
/// When the operating system refuses a handler.
pub(crate) fn listen() -> Result<Receiver<()>, CommandError> {
    let (pressed, presses) = crossbeam_channel::bounded(2);
    let press = move || {
        // Full: the two that mean something are there already.
        let _ = pressed.try_send(());
    };
    match ctrlc::set_handler(press) {
        Ok(()) => Ok(presses),
        Err(error) => Err(CommandError::System { action: "listen for Ctrl-C", reason: error.to_string() }),
    }
}
