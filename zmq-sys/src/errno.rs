//! Error numbers: those of the platform, libzmq's own, and libzmq's replacements for those a platform lacks.

#![allow(missing_docs)] // Named in POSIX and in zmq.h.

// libc's own names on Unix and, on Windows, those of the C runtime's errno.h, which libzmq returns there.
macro_rules! platform {
    ($($name:ident = $windows:literal),* $(,)?) => {
        $(
            #[cfg(not(windows))]
            pub const $name: i32 = libc::$name;
            #[cfg(windows)]
            pub const $name: i32 = $windows;
        )*
    };
}

platform! {
    EACCES = 13,
    EADDRINUSE = 100,
    EADDRNOTAVAIL = 101,
    EAGAIN = 11,
    EBUSY = 16,
    ECONNREFUSED = 107,
    EFAULT = 14,
    EHOSTUNREACH = 110,
    EINPROGRESS = 112,
    EINTR = 4,
    EINVAL = 22,
    EMFILE = 24,
    EMSGSIZE = 115,
    ENAMETOOLONG = 38,
    ENETDOWN = 116,
    ENOBUFS = 119,
    ENODEV = 19,
    ENOENT = 2,
    ENOMEM = 12,
    ENOTCONN = 126,
    ENOTSOCK = 128,
    ENOTSUP = 129,
    EPROTO = 134,
    EPROTONOSUPPORT = 135,
}

macro_rules! libzmq {
    ($($name:ident = $offset:literal),* $(,)?) => {
        $( pub const $name: i32 = crate::constants::ZMQ_HAUSNUMERO as i32 + $offset; )*
    };
}

libzmq! {
    ENOTSUP_ALT = 1,
    EPROTONOSUPPORT_ALT = 2,
    ENOBUFS_ALT = 3,
    ENETDOWN_ALT = 4,
    EADDRINUSE_ALT = 5,
    EADDRNOTAVAIL_ALT = 6,
    ECONNREFUSED_ALT = 7,
    EINPROGRESS_ALT = 8,
    ENOTSOCK_ALT = 9,
    EMSGSIZE_ALT = 10,
    EAFNOSUPPORT_ALT = 11,
    ENETUNREACH_ALT = 12,
    ECONNABORTED_ALT = 13,
    ECONNRESET_ALT = 14,
    ENOTCONN_ALT = 15,
    ETIMEDOUT_ALT = 16,
    EHOSTUNREACH_ALT = 17,
    ENETRESET_ALT = 18,
    EFSM = 51,
    ENOCOMPATPROTO = 52,
    ETERM = 53,
    EMTHREAD = 54,
}
