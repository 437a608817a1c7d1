//! The options of a [`Socket`]. They hold for what is bound or connected afterwards, unless they say otherwise.

use crate::error::SocketError;
use crate::socket::{Socket, option_result};
use std::ffi::{c_int, c_void};
use std::time::Duration;

/// How long a TCP connection may be silent before the system asks the peer's system whether it is there, and between
/// one question and the next.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// After how many unanswered questions a connection is given up.
pub const KEEPALIVE_COUNT: i32 = 3;
/// How long sent data may stay unacknowledged before a connection is given up.
pub const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a peer may take to say what it is.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(2);
/// The first pause before a lost connection is tried again.
pub const RECONNECT_INTERVAL: Duration = Duration::from_millis(100);
/// The longest pause before a lost connection is tried again; each failure doubles the pause.
pub const RECONNECT_INTERVAL_MAX: Duration = Duration::from_secs(1);

impl Socket {
    /// Sets how long a closed socket keeps trying to send what is queued. Holds at once. 0 unless set.
    ///
    /// # Errors
    /// As every setter: [`SocketError::Option`] names the option that libzmq refused.
    pub fn set_linger(&self, linger: Duration) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_LINGER, "LINGER", milliseconds(linger))
    }

    /// Sets how many messages may wait to be sent, for each connection; 0 is no limit. 1,000 unless set.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_send_hwm(&self, messages: i32) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_SNDHWM, "SNDHWM", messages)
    }

    /// Sets how many messages may wait to be received, for each connection; 0 is no limit. 1,000 unless set.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_recv_hwm(&self, messages: i32) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_RCVHWM, "RCVHWM", messages)
    }

    /// Sets how many bytes a frame of a peer may have; one that sends more is disconnected. No limit unless set.
    ///
    /// It bounds frames, not messages: libzmq has no bound for the number of frames in a message.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_max_message_bytes(&self, bytes: u64) -> Result<(), SocketError> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.set_bytes(zmq_sys::ZMQ_MAXMSGSIZE, "MAXMSGSIZE", &bytes.to_ne_bytes())
    }

    /// Sets whether messages are queued for complete connections only (`true`), or also for those being made.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_immediate(&self, immediate: bool) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_IMMEDIATE, "IMMEDIATE", immediate.into())
    }

    /// Sets whether a ROUTER refuses a message to a peer it does not have (`true`) or drops it silently. Holds at once.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_router_mandatory(&self, mandatory: bool) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_ROUTER_MANDATORY, "ROUTER_MANDATORY", mandatory.into())
    }

    /// Sets whether a PUB or XPUB refuses a message when a subscriber's queue is full (`true`) or drops it for that
    /// subscriber. Holds at once.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_xpub_nodrop(&self, nodrop: bool) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_XPUB_NODROP, "XPUB_NODROP", nodrop.into())
    }

    /// Makes an XPUB report every subscription and unsubscription, not the first and last of a topic. Holds at once.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_xpub_verboser(&self, verboser: bool) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_XPUB_VERBOSER, "XPUB_VERBOSER", verboser.into())
    }

    /// Makes an XPUB take no subscription by itself, and send the message after one to the newest subscriber only.
    ///
    /// After a subscription was received, [`Socket::subscribe`] subscribes the peer it came from, and the next message
    /// that is sent goes to that peer alone, if it matches. This holds until that message, or until another
    /// subscription is received; it is also lost, without a sign, when any subscriber's connection ends between the
    /// two calls: the message then goes to every subscriber of the topic. Holds at once.
    ///
    /// For peers one trusts: a message that is no subscription shifts libzmq's list of whose turn it is, and
    /// [`Socket::subscribe`] then subscribes another peer.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_xpub_manual_last_value(&self, manual: bool) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_XPUB_MANUAL_LAST_VALUE, "XPUB_MANUAL_LAST_VALUE", manual.into())
    }

    /// Subscribes to topics that begin with `prefix`; an XPUB in manual mode: subscribes the peer whose subscription
    /// was received last. Holds at once.
    ///
    /// # Errors
    /// [`SocketError::Option`], also for kinds other than SUB and a manual XPUB. An XSUB subscribes by a message:
    /// the byte 1 and the prefix.
    pub fn subscribe(&self, prefix: &[u8]) -> Result<(), SocketError> {
        self.set_bytes(zmq_sys::ZMQ_SUBSCRIBE, "SUBSCRIBE", prefix)
    }

    /// Takes one [`Socket::subscribe`] back. Holds at once.
    ///
    /// # Errors
    /// [`SocketError::Option`], also for kinds other than SUB and a manual XPUB.
    pub fn unsubscribe(&self, prefix: &[u8]) -> Result<(), SocketError> {
        self.set_bytes(zmq_sys::ZMQ_UNSUBSCRIBE, "UNSUBSCRIBE", prefix)
    }

    /// Sets TCP keep-alive: the kernel asks after `idle` of silence, each `interval`, and gives up after `count`
    /// unanswered questions. On unless set, with 1 s, 1 s and 3.
    ///
    /// It finds peers whose computer or network is gone.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_keepalive(&self, idle: Duration, interval: Duration, count: i32) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_TCP_KEEPALIVE, "TCP_KEEPALIVE", 1)?;
        self.set_int(zmq_sys::ZMQ_TCP_KEEPALIVE_IDLE, "TCP_KEEPALIVE_IDLE", whole_seconds(idle))?;
        self.set_int(zmq_sys::ZMQ_TCP_KEEPALIVE_INTVL, "TCP_KEEPALIVE_INTVL", whole_seconds(interval))?;
        self.set_int(zmq_sys::ZMQ_TCP_KEEPALIVE_CNT, "TCP_KEEPALIVE_CNT", count)
    }

    /// Sets how long sent data may stay unacknowledged by the peer's system before the connection is given up.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_unacknowledged_timeout(&self, timeout: Duration) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_TCP_MAXRT, "TCP_MAXRT", milliseconds(timeout))
    }

    /// Sets how long a peer may take for its handshake.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_handshake_timeout(&self, timeout: Duration) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_HANDSHAKE_IVL, "HANDSHAKE_IVL", milliseconds(timeout))
    }

    /// Sets the first and the longest pause before a lost connection is tried again.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn set_reconnect_interval(&self, first: Duration, longest: Duration) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_RECONNECT_IVL, "RECONNECT_IVL", milliseconds(first))?;
        self.set_int(zmq_sys::ZMQ_RECONNECT_IVL_MAX, "RECONNECT_IVL_MAX", milliseconds(longest))
    }

    /// Sets whether what is bound or connected next is IPv6; [`Socket::bind`] and [`Socket::connect`] choose by
    /// themselves.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub(crate) fn set_ipv6(&self, ipv6: bool) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_IPV6, "IPV6", ipv6.into())
    }

    pub(crate) fn set_defaults(&self) -> Result<(), SocketError> {
        self.set_linger(Duration::ZERO)?;
        self.set_ipv6(false)?;
        self.set_handshake_timeout(HANDSHAKE_TIMEOUT)?;
        self.set_reconnect_interval(RECONNECT_INTERVAL, RECONNECT_INTERVAL_MAX)?;
        // Not ZMTP heartbeats: in libzmq 4.3.5 their timer ends the process (an assertion in stream_engine_base.cpp) when a peer
        // leaves whose messages have filled the high-water mark. The system finds dead peers as fast, `router.ping`
        // those that are stuck.
        self.set_keepalive(KEEPALIVE_INTERVAL, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT)?;
        self.set_unacknowledged_timeout(UNACKNOWLEDGED_TIMEOUT)
    }

    /// Makes what is bound afterwards refuse ZMTP 1.0 and 2.0 (libzmq before 4.0, of 2013).
    ///
    /// Whatever does not begin like ZMTP, a web browser say, counts as ZMTP 1.0: libzmq would hand its bytes on as a
    /// message, subscribe it to everything at an XPUB, and never ask whether it is alive. With a name for an
    /// authenticator such peers are disconnected; there need not be an authenticator of that name.
    pub(crate) fn refuse_old_protocols(&self) -> Result<(), SocketError> {
        self.set_bytes(zmq_sys::ZMQ_ZAP_DOMAIN, "ZAP_DOMAIN", b"router")
    }

    pub(crate) fn set_int(&self, option: u32, name: &'static str, value: i32) -> Result<(), SocketError> {
        // Some sockets read the number in place, so it has to be aligned as one.
        self.set_raw(option, name, (&raw const value).cast(), size_of::<i32>())
    }

    pub(crate) fn set_bytes(&self, option: u32, name: &'static str, value: &[u8]) -> Result<(), SocketError> {
        self.set_raw(option, name, value.as_ptr().cast(), value.len())
    }

    /// `value` points to `size` readable bytes.
    fn set_raw(
        &self,
        option: u32,
        name: &'static str,
        value: *const c_void,
        size: usize,
    ) -> Result<(), SocketError> {
        // SAFETY: an open socket, not used by another thread (not Sync), and a value with its length.
        let status = unsafe { zmq_sys::zmq_setsockopt(self.raw(), option as c_int, value, size) };
        option_result(status, name)
    }
}

fn milliseconds(span: Duration) -> i32 {
    i32::try_from(span.as_millis()).unwrap_or(i32::MAX)
}

/// Rounds up: 0 would mean "never" to some kernels.
fn whole_seconds(span: Duration) -> i32 {
    i32::try_from(span.as_secs_f64().ceil() as i64).unwrap_or(i32::MAX).max(1)
}
