//! What can be read about rings, readers and the service between them.

/// What becomes of a ring's slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingCounters {
    /// Slots, used or not.
    pub slots: usize,
    /// Slots whose memory is there.
    pub warm: usize,
    /// Slots that may be written at once.
    pub free: usize,
    /// Slots with a frame that can still be held.
    pub published: usize,
    /// Slots without such a frame that somebody held at the last look.
    pub kept: usize,
    /// Slots that writers have.
    pub writing: usize,
    /// Readers now.
    pub readers: usize,
    /// Frames published, since the ring was made.
    pub frames: u64,
    /// How often there was no slot, since the ring was made.
    pub no_slot: u64,
}

/// What strangers and readers did, since the server began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceCounters {
    /// Connections now.
    pub connections: usize,
    /// Attachments now.
    pub attachments: usize,
    /// Connections turned away because there were [`MAX_CONNECTIONS`](crate::MAX_CONNECTIONS), and how often one had
    /// to wait because no descriptor was left for it.
    pub turned_away: u64,
    /// Connections of other users, turned away.
    pub strangers: u64,
    /// Readers that were not attached, for any [`Refusal`](crate::Refusal).
    pub refused: u64,
    /// Packets that mean nothing, each the last that was read of its connection.
    pub malformed: u64,
}

/// What the readers of one connection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BorrowCounters {
    /// Frames held now.
    pub held: usize,
    /// Frames held, ever.
    pub borrowed: u64,
    /// Frames copied, because as many were held as may be.
    pub copied: u64,
    /// Frames not held, because as many were held as may be.
    pub refused: u64,
    /// Frames whose slot had been used again.
    pub lost: u64,
    /// Descriptors that led nowhere.
    pub malformed: u64,
    /// Rings that are mapped now.
    pub rings: usize,
    /// Of these rings, used or not [bytes].
    pub mapped_bytes: usize,
}
