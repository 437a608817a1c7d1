//! What the numbers were measured on, without naming the machine.

use std::process::Command;

use crate::os;

/// One sentence.
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
    format!(
        "{} core(s){virtual_machine}, {}, {} {}, libzmq {major}.{minor}.{patch}, {}{profile}",
        os::cores(),
        model.unwrap_or("an unnamed processor"),
        std::env::consts::OS,
        kernel.trim(),
        if rustc.trim().is_empty() { "an unknown rustc" } else { rustc.trim() },
    )
}
