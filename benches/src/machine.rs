//! What the numbers were measured on, without naming the machine.

use std::process::Command;
use std::sync::OnceLock;

use crate::os;

/// Above this many threads that wanted to run, before the bench began, its numbers are disturbed.
const IDLE_LOAD: f64 = 0.5;

/// How many threads wanted to run in the minute before this was first asked for; not a number where the system does not
/// tell.
fn load_before() -> f64 {
    static LOAD: OnceLock<f64> = OnceLock::new();
    *LOAD.get_or_init(|| {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
    })
}

/// One sentence. First asked for before anything is measured: afterwards the load would be our own.
pub(crate) fn described() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let (major, minor, patch) = router_socket::version();
    let virtual_machine = if cpu.contains("hypervisor") { " of a virtual machine" } else { "" };
    let profile = if cfg!(debug_assertions) { ", not optimised: numbers mean nothing" } else { "" };
    let load = load_before();
    let busy = if load > IDLE_LOAD {
        format!("; **busy with other things before it began (load {load:.1})**")
    } else {
        String::new()
    };
    format!(
        "{} core(s){virtual_machine}, {}, {} {}, libzmq {major}.{minor}.{patch}, {}{profile}{busy}",
        os::cores(),
        model.unwrap_or("an unnamed processor"),
        std::env::consts::OS,
        kernel.trim(),
        if rustc.trim().is_empty() { "an unknown rustc" } else { rustc.trim() },
    )
}
