//! `OutgoingAnswer`: a message on its way to a client, in the frames it travels in.

use router_socket::Frame;
use router_wire::envelope::ENVELOPE_BYTES;
use router_wire::{ClientId, Enclosed, Envelope};

/// An outcome or a progress report.
pub(crate) struct OutgoingAnswer {
    /// Header and, unless it has a frame of its own, body.
    pub(crate) message: Frame,
    pub(crate) body: Option<Frame>,
    /// The client of a gateway that it is for; the message travels in an envelope then.
    pub(crate) enclosed_for: Option<ClientId>,
}

impl OutgoingAnswer {
    /// What it counts for in the flow to its connection [bytes]: what the other side counts as well.
    pub(crate) fn bytes(&self) -> usize {
        let envelope = if self.enclosed_for.is_some() { ENVELOPE_BYTES } else { 0 };
        envelope + self.message.len() + self.body.as_ref().map_or(0, |body| body.len())
    }

    /// Its frames, in order.
    pub(crate) fn into_frames(self) -> impl Iterator<Item = Frame> {
        let envelope = self
            .enclosed_for
            .map(|client| Frame::copy_from(&Envelope { enclosed: Enclosed::Message, client }.encode()));
        envelope.into_iter().chain([self.message]).chain(self.body)
    }
}

impl From<Vec<u8>> for OutgoingAnswer {
    fn from(message: Vec<u8>) -> OutgoingAnswer {
        Frame::from_vec(message).into()
    }
}

impl From<Frame> for OutgoingAnswer {
    fn from(message: Frame) -> OutgoingAnswer {
        OutgoingAnswer { message, body: None, enclosed_for: None }
    }
}
