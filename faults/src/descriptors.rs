//! How many files and connections a process may have open.

use crate::failed::{Outcome, check};

/// Raises what this process and its children may have open to `wanted`.
///
/// # Errors
/// The system allows fewer; says what to change.
pub(crate) fn allow(wanted: u64) -> Outcome {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a value that is written, then one that is read.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    check(read == 0, || "the limit of open files cannot be read".into())?;
    if limit.rlim_cur >= wanted {
        return Ok(());
    }
    check(limit.rlim_max >= wanted, || {
        format!(
            "a process may have {} files open here, {wanted} are needed: `ulimit -Hn {wanted}` as root, \
             or LimitNOFILE of the service that runs this",
            limit.rlim_max
        )
    })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above.
    let raised = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    check(raised == 0, || format!("the limit of open files cannot be raised to {wanted}"))
}
