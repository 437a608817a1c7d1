//! What must not stay on this machine, however the suite ends.

use parking_lot::Mutex;

/// What is there now and how it is removed: a program with its arguments.
static LEFT: Mutex<Vec<Vec<String>>> = Mutex::new(Vec::new());

/// Something that the suite made outside of its own processes. It is removed when this is dropped, and by
/// [`everything`].
pub(crate) struct Left(Vec<String>);

impl Left {
    /// To be made before the thing itself is.
    pub(crate) fn removed_by(command: &[&str]) -> Left {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        LEFT.lock().push(command.clone());
        Left(command)
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        LEFT.lock().retain(|command| *command != self.0);
        remove(&self.0);
    }
}

/// Removes everything, the last thing first. For whoever ends the process without unwinding.
pub(crate) fn everything() {
    let left = std::mem::take(&mut *LEFT.lock());
    left.iter().rev().for_each(|command| remove(command));
}

fn remove(command: &[String]) {
    if let Some((program, arguments)) = command.split_first() {
        // It may never have been made.
        let _ =
            std::process::Command::new(program).args(arguments).stderr(std::process::Stdio::null()).status();
    }
}
