//! `SlotDescriptor`: the few bytes that travel in place of a frame.

/// Says where a frame is: sent to the readers by whatever way the caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotDescriptor {
    /// Which slot of the ring.
    pub slot: u32,
    /// The frame's bytes, counted.
    pub len: u64,
    /// Which frame: no two frames of a ring have the same, and no ring begins where another did.
    pub stamp: u64,
}

impl SlotDescriptor {
    /// The length of [`SlotDescriptor::encode`] in bytes.
    pub const BYTES: usize = 20;

    /// Returns `slot`, `len` and `stamp`, little-endian, one behind the other.
    pub fn encode(&self) -> [u8; SlotDescriptor::BYTES] {
        let mut bytes = [0; SlotDescriptor::BYTES];
        bytes[..4].copy_from_slice(&self.slot.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.len.to_le_bytes());
        bytes[12..].copy_from_slice(&self.stamp.to_le_bytes());
        bytes
    }

    /// Reads what [`SlotDescriptor::encode`] wrote; `None` if `bytes` has another length.
    ///
    /// Any 20 bytes are a descriptor. [`hold`](crate::Borrower::hold) finds out whether it leads to a frame.
    ///
    /// ```
    /// let descriptor = router_slots::SlotDescriptor { slot: 3, len: 2_073_600, stamp: 17 };
    /// assert_eq!(router_slots::SlotDescriptor::decode(&descriptor.encode()), Some(descriptor));
    /// assert_eq!(router_slots::SlotDescriptor::decode(b"short"), None);
    /// ```
    pub fn decode(bytes: &[u8]) -> Option<SlotDescriptor> {
        let bytes: &[u8; SlotDescriptor::BYTES] = bytes.try_into().ok()?;
        let (slot, rest) = bytes.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (stamp, _) = rest.split_first_chunk()?;
        Some(SlotDescriptor {
            slot: u32::from_le_bytes(*slot),
            len: u64::from_le_bytes(*len),
            stamp: u64::from_le_bytes(*stamp),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let descriptor = SlotDescriptor { slot: 0x0403_0201, len: 5, stamp: 0x0a };
        assert_eq!(descriptor.encode(), [1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0]);
    }

    proptest::proptest! {
        #[test]
        fn any_20_bytes_are_one(bytes: [u8; SlotDescriptor::BYTES]) {
            proptest::prop_assert_eq!(SlotDescriptor::decode(&bytes).unwrap().encode(), bytes);
        }
    }
}
