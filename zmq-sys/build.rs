//! Builds libzmq 4.3.5 from the source inside `zeromq-src` and says what the target platform has.
//!
//! `zeromq-src` compiles with an empty platform.hpp and has no way to pass -D names, which costs eventfd,
//! TCP keep-alive, SOCK_CLOEXEC, interface names and a monotonic clock. The names go through the environment
//! variable that `cc` reads for this target; nothing is changed outside of this build script's process.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = env::var("TARGET").expect("cargo sets TARGET for build scripts");
    let os = env::var("CARGO_CFG_TARGET_OS").expect("cargo sets CARGO_CFG_TARGET_OS for build scripts");
    let unix = env::var_os("CARGO_CFG_UNIX").is_some();

    define_for_target(&target, &platform_names(&os, unix));
    zeromq_src::Build::new().with_libsodium(libsodium()).build();
}

/// Lists the -D names that libzmq's own configure script would find out.
///
/// Windows needs none: libzmq decides there by `_WIN32`.
fn platform_names(os: &str, unix: bool) -> Vec<&'static str> {
    let mut names = Vec::new();
    if !unix {
        return names;
    }
    names.extend([
        // Without it the timers of heartbeats and reconnects follow gettimeofday, which the user can set.
        "HAVE_CLOCK_GETTIME",
        // `tcp://eth0:*` and scope ids of IPv6 addresses.
        "ZMQ_HAVE_IFADDRS",
        "HAVE_IF_NAMETOINDEX",
        // The defaults that keep-alive options need to reach the kernel.
        "ZMQ_HAVE_SO_KEEPALIVE",
        "ZMQ_HAVE_TCP_KEEPCNT",
        "ZMQ_HAVE_TCP_KEEPINTVL",
    ]);
    // macOS calls the idle time TCP_KEEPALIVE.
    names.push(if os == "macos" { "ZMQ_HAVE_TCP_KEEPALIVE" } else { "ZMQ_HAVE_TCP_KEEPIDLE" });
    if matches!(os, "linux" | "android") {
        names.extend([
            // Signalers between threads are one eventfd instead of a socket pair.
            "ZMQ_HAVE_EVENTFD",
            "ZMQ_HAVE_EVENTFD_CLOEXEC",
            // Descriptors that a child process does not inherit, set in the call that makes them.
            "ZMQ_HAVE_SOCK_CLOEXEC",
            "HAVE_ACCEPT4",
            "ZMQ_IOTHREAD_POLLER_USE_EPOLL_CLOEXEC",
            // The peer address of an `ipc` connection tells user, group and process.
            "ZMQ_HAVE_SO_PEERCRED",
        ]);
    }
    // libzmq's threads carry names: `ZMQbg/IO/0`.
    match os {
        "linux" => names.push("ZMQ_HAVE_PTHREAD_SETNAME_2"),
        "macos" => names.push("ZMQ_HAVE_PTHREAD_SETNAME_1"),
        _ => {}
    }
    names
}

/// Appends `names` to the C++ flags that `cc` takes from the environment for `target`.
fn define_for_target(target: &str, names: &[&str]) {
    // The same order as in `cc`, which takes the first that is set: the most specific one is written.
    let most_specific = format!("CXXFLAGS_{target}");
    let given =
        [&most_specific, &format!("CXXFLAGS_{}", target.replace('-', "_")), "TARGET_CXXFLAGS", "CXXFLAGS"]
            .into_iter()
            .find_map(|name| env::var(name).ok())
            .unwrap_or_default();
    let mut flags = given;
    for name in names {
        flags.push_str(&format!(" -D{name}=1"));
    }
    // SAFETY: this build script has one thread, and it has not called anything that starts another.
    unsafe { env::set_var(most_specific, flags) };
}

/// Returns where `libsodium-sys-stable` has put libsodium; `None` without the feature `curve`, and on Windows.
fn libsodium() -> Option<zeromq_src::LibLocation> {
    let lib = env::var("DEP_SODIUM_LIB").ok()?;
    let include = env::var("DEP_SODIUM_INCLUDE").ok()?;
    Some(zeromq_src::LibLocation::new(lib, include))
}
