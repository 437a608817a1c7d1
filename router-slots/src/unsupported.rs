//! Platforms without slots: everything says `Unsupported` at once, and nothing else can ever be called.

use crate::{
    AttachError, BorrowCounters, Borrower, ConnectError, CreateError, Lender, LentSlot, ListenError, NoSlot,
    NotHeld, Refusal, RingCounters, RingSize, ServiceCounters, SlotAddress, SlotDescriptor,
};
use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

/// There is none on this platform.
#[derive(Clone, Debug)]
pub struct SlotRing(Infallible);

/// There is none on this platform.
#[derive(Debug)]
pub struct SlotWriter(Infallible);

/// There is none on this platform.
#[derive(Debug)]
pub struct Slots(Infallible);

/// There is none on this platform.
#[derive(Debug)]
pub struct SlotsLoop(Infallible);

/// There is none on this platform.
#[derive(Debug)]
pub struct SlotConnection(Infallible);

/// There is none on this platform.
#[derive(Clone, Debug)]
pub struct SlotReader(Infallible);

/// There is none on this platform.
#[derive(Debug)]
pub struct HeldSlot(Infallible);

/// What a server said.
#[derive(Debug)]
pub enum SlotEvent {
    /// To the request of this number.
    Attached(u32, SlotReader),
    /// To the request of this number.
    Refused(u32, Refusal),
    /// The server has ended.
    Closed,
}

impl SlotRing {
    /// # Errors
    /// Always [`CreateError::Unsupported`].
    pub fn create(_size: RingSize) -> Result<SlotRing, CreateError> {
        Err(CreateError::Unsupported)
    }

    /// Never called.
    pub fn size(&self) -> RingSize {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn prefault(&self, _slots: usize) -> Result<usize, NoSlot> {
        match self.0 {}
    }

    /// Never called.
    pub fn counters(&self) -> RingCounters {
        match self.0 {}
    }

    /// Never called.
    pub fn look_through(&self) {
        match self.0 {}
    }
}

impl Lender for SlotRing {
    type Slot = SlotWriter;

    fn writer(&self, _len: usize) -> Result<SlotWriter, NoSlot> {
        match self.0 {}
    }
}

impl SlotWriter {
    /// Never called.
    pub fn truncate(&mut self, _len: usize) {
        match self.0 {}
    }
}

impl Deref for SlotWriter {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self.0 {}
    }
}

impl DerefMut for SlotWriter {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self.0 {}
    }
}

impl AsMut<[u8]> for SlotWriter {
    fn as_mut(&mut self) -> &mut [u8] {
        match self.0 {}
    }
}

impl LentSlot for SlotWriter {
    fn publish(self) -> SlotDescriptor {
        match self.0 {}
    }
}

impl Slots {
    /// # Errors
    /// Always.
    pub fn listen(_epoch: u64) -> Result<(Slots, SlotsLoop), ListenError> {
        Err(ListenError { reason: "this platform has none".to_owned() })
    }

    /// Never called.
    pub fn address(&self) -> &SlotAddress {
        match self.0 {}
    }

    /// Never called.
    pub fn offer(&self, _key: &str, _ring: &SlotRing) {
        match self.0 {}
    }

    /// Never called.
    pub fn offer_when_asked(&self, _key: &str, _ring: impl Fn() -> Option<SlotRing> + Send + Sync + 'static) {
        match self.0 {}
    }

    /// Never called.
    pub fn withdraw(&self, _key: &str) {
        match self.0 {}
    }

    /// Never called.
    pub fn counters(&self) -> ServiceCounters {
        match self.0 {}
    }

    /// Never called.
    pub fn stop(&self) {
        match self.0 {}
    }
}

impl SlotsLoop {
    /// Never called.
    pub fn run(self) {
        match self.0 {}
    }

    /// Never called.
    pub fn is_stopped(&self) -> bool {
        match self.0 {}
    }

    /// Never called.
    pub fn turn(&mut self, _timeout: Option<Duration>) {
        match self.0 {}
    }
}

impl SlotConnection {
    /// # Errors
    /// Always [`ConnectError::Unsupported`].
    pub fn connect(_address: &SlotAddress) -> Result<SlotConnection, ConnectError> {
        Err(ConnectError::Unsupported)
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn attach(&mut self, _key: &str) -> Result<u32, AttachError> {
        match self.0 {}
    }

    /// Never called.
    pub fn turn(&mut self) -> Option<SlotEvent> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn attach_within(&mut self, _key: &str, _timeout: Duration) -> Result<SlotReader, AttachError> {
        match self.0 {}
    }

    /// Never called.
    pub fn is_closed(&self) -> bool {
        match self.0 {}
    }

    /// Never called.
    pub fn counters(&self) -> BorrowCounters {
        match self.0 {}
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for SlotConnection {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self.0 {}
    }
}

impl SlotReader {
    /// Never called.
    pub fn most_held(&self) -> usize {
        match self.0 {}
    }

    /// Never called.
    pub fn largest_bytes(&self) -> usize {
        match self.0 {}
    }
}

impl Borrower for SlotReader {
    type Held = HeldSlot;

    fn hold(&self, _descriptor: SlotDescriptor) -> Result<HeldSlot, NotHeld> {
        match self.0 {}
    }

    fn copy(&self, _descriptor: SlotDescriptor, _to: &mut Vec<u8>) -> Result<(), NotHeld> {
        match self.0 {}
    }
}

impl Deref for HeldSlot {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self.0 {}
    }
}

impl AsRef<[u8]> for HeldSlot {
    fn as_ref(&self) -> &[u8] {
        match self.0 {}
    }
}
