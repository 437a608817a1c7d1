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

    let mut flags: Vec<String> = platform_names(&os, unix).iter().map(|name| format!("{name}=1")).collect();
    if env::var("CARGO_CFG_TARGET_ENV").as_deref() != Ok("msvc") {
        flags.extend(HIGH_WATER_MARK_FIX.map(str::to_owned));
    }
    define_for_target(&target, &flags);
    zeromq_src::Build::new().with_libsodium(libsodium()).build();
}

/// Mends a use after free of 4.3.5: a changed high-water mark is told to the peer of each pipe of the socket, also of
/// a pipe that is being closed, whose peer is gone already (`pipe_t::send_hwms_to_peer`). Anyone who connects and leaves
/// at the right moment could end the process. Later versions of libzmq look at the pipe's state, as the third line does.
///
/// `send_pipe_hwm` stands three times in the source: declared and defined with `int inhwm_`, called once with `inhwm_`.
/// The first macro tells the two apart by that word; the function itself is called `inhwm_` then. Microsoft's compiler
/// takes no such macros from its command line.
const HIGH_WATER_MARK_FIX: [&str; 3] = [
    "send_pipe_hwm(peer,inhwm,outhwm)=FIXED_##inhwm(peer,inhwm,outhwm)",
    "FIXED_int=",
    "FIXED_inhwm_(peer,inhwm,outhwm)=if(_state==active)this->inhwm_(peer,inhwm,outhwm)",
];

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

/// Appends `definitions` to the C++ flags that `cc` takes from the environment for `target`.
fn define_for_target(target: &str, definitions: &[String]) {
    // The same order as in `cc`, which takes the first that is set: the most specific one is written.
    let most_specific = format!("CXXFLAGS_{target}");
    let given =
        [&most_specific, &format!("CXXFLAGS_{}", target.replace('-', "_")), "TARGET_CXXFLAGS", "CXXFLAGS"]
            .into_iter()
            .find_map(|name| env::var(name).ok())
            .unwrap_or_default();
    let mut flags = given;
    for definition in definitions {
        flags.push_str(&format!(" -D{definition}"));
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
