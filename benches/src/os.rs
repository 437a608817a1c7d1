//! What only the system can tell or do: cores, CPU time, memory, the clock that all processes share.

use crate::Outcome;

/// Keeps this process and the threads that it starts from now on on one core.
///
/// # Errors
/// There is no such core, or the system has no way to say it.
pub(crate) fn pin_to(core: usize) -> Outcome {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: a set of cores is bits, and all zeros is the empty one.
        let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: writes into the set; the macro looks at its size.
        unsafe { libc::CPU_SET(core, &mut cores) };
        // SAFETY: a set of the size given; 0 is this thread, the only one so far.
        if unsafe { libc::sched_setaffinity(0, size_of_val(&cores), &cores) } != 0 {
            return Err(format!("core {core}: {}", std::io::Error::last_os_error()).into());
        }
        Ok(())
    }
    #[cfg(not(target_os = "linux"))]
    Err(format!("processes are pinned to core {core} by means of Linux; `--free-only` leaves that out")
        .into())
}

/// Has the system end this process when the one that started it ends, however it does.
pub(crate) fn end_with_parent() {
    #[cfg(target_os = "linux")]
    // SAFETY: sets a number of this process; no pointer is given.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// Time of the clock that all processes of this machine share, and that nobody sets [ns].
pub(crate) fn now_ns() -> u64 {
    #[cfg(unix)]
    {
        clock_ns(libc::CLOCK_MONOTONIC).unwrap_or_default()
    }
    #[cfg(not(unix))]
    {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.as_nanos() as u64)
    }
}

/// User and system time of the process `pid` so far [us]; not a number where the system does not tell.
pub(crate) fn cpu_us_of(pid: u32) -> f64 {
    #[cfg(target_os = "linux")]
    {
        let mut clock: libc::clockid_t = 0;
        // SAFETY: room for the number of a clock.
        let status = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) };
        if status == 0 {
            return clock_ns(clock).map_or(f64::NAN, |ns| ns as f64 / 1e3);
        }
    }
    let _ = pid;
    f64::NAN
}

#[cfg(unix)]
fn clock_ns(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for a time.
    let status = unsafe { libc::clock_gettime(clock, &mut time) };
    (status == 0).then_some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// Memory that the process `pid` has in use now [MB of 1e6 bytes]; not a number where the system does not tell.
pub(crate) fn resident_mb_of(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().map_or(f64::NAN, |kb| kb * 1024.0 / 1e6)
}

/// Keeps large blocks on the heap, as a program does that knows its libzmq: otherwise glibc maps a fresh buffer for each
/// received frame, and the system fills it with zeros.
pub(crate) fn keep_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets numbers of the allocator; no pointer is given.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
}

/// How many cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
