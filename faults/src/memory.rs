//! What memory a process uses.

use crate::failed::Outcome;

/// What a process takes and gives back as it likes, its threads' stacks and its allocator included [bytes].
pub(crate) const SLACK: u64 = 16 << 20;

/// Memory that this process has in use now [bytes].
pub(crate) fn resident_bytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// Gives memory that is free back to the system, so that what is left is in use.
pub(crate) fn give_back() {
    // SAFETY: takes no pointer, and may be called at any time.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}
