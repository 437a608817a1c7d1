//! Children: this test executable once more, in a role.

use std::process::{Child, Command, Stdio};

/// Says to a child which role it has.
const ROLE: &str = "ROUTER_SLOTS_ROLE";

/// Runs `f` in a process where nothing else happens. To be called by the test of this name alone.
pub fn alone(test: &str, f: impl FnOnce()) {
    if std::env::var(ROLE).as_deref() == Ok("alone") {
        return f();
    }
    let status = again(test).env(ROLE, "alone").stdout(Stdio::inherit()).status().unwrap();
    assert!(status.success(), "{test}, alone: {status}");
}

/// The role that this process was started in, if it was, and its arguments.
pub fn role() -> Option<Vec<String>> {
    let role = std::env::var(ROLE).ok()?;
    Some(role.split(' ').map(str::to_owned).collect())
}

/// A child that is killed when dropped.
pub struct Role(pub Child);

impl Role {
    /// Starts the test called `child` of this executable, which must look at [`role`].
    pub fn start(role: &[&str]) -> Role {
        Role(again("child").env(ROLE, role.join(" ")).stdout(Stdio::null()).spawn().unwrap())
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: a child that was not waited for yet, so that the number is still its own.
        assert_eq!(unsafe { libc::kill(self.0.id() as libc::pid_t, signal) }, 0);
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--include-ignored", "--nocapture", "-q"]).stdin(Stdio::null());
    command
}
