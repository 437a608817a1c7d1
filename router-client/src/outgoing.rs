//! A request on its way out: its bytes, until libzmq has them.

use std::sync::Arc;

use router_socket::{Frame, SendRefusal, Socket};
use router_wire::RequestHeader;
use router_wire::request::REQUEST_HEADER_BYTES;

use crate::budget::{Budget, HeldBytes};

/// Up to this length a copy is cheaper than a reference that another thread lets go.
const COPIED_BYTES: usize = 256;

/// A request that has not left. Epoch and time left are written into its header when it does.
#[derive(Debug)]
pub(crate) struct Outgoing {
    header: RequestHeader,
    target_bytes: usize,
    /// Header, target and, unless it has a frame of its own, body.
    first: HeldBytes,
    body: Option<Frame>,
    body_bytes: usize,
    budget: Arc<Budget>,
}

impl Outgoing {
    /// `message` is a header, a target of `target_bytes` and, if `body` is none, the body.
    ///
    /// # Errors
    /// Which bound of the client is reached.
    pub(crate) fn new(
        header: RequestHeader,
        target_bytes: usize,
        message: Vec<u8>,
        body: Option<Vec<u8>>,
        budget: &Arc<Budget>,
    ) -> Result<Outgoing, String> {
        let in_place = message.len() - REQUEST_HEADER_BYTES - target_bytes;
        let body_bytes = body.as_ref().map_or(in_place, Vec::len);
        let first = budget.hold(message)?;
        let body = body.map(|body| budget.hold(body)).transpose()?.map(Frame::from_owner);
        Ok(Outgoing { header, target_bytes, first, body, body_bytes, budget: Arc::clone(budget) })
    }

    /// The name of the call.
    pub(crate) fn target(&self) -> &str {
        let target = self.first.as_ref().get(REQUEST_HEADER_BYTES..REQUEST_HEADER_BYTES + self.target_bytes);
        target.and_then(|target| std::str::from_utf8(target).ok()).unwrap_or_default()
    }

    /// The length of the body, wherever it is.
    pub(crate) fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// Gives the request to libzmq. When it is refused it is as it was, and may be tried again.
    pub(crate) fn try_send(
        &mut self,
        socket: &mut Socket,
        epoch: u64,
        deadline_us: u64,
    ) -> Result<(), SendRefusal> {
        self.write_header(epoch, deadline_us);
        let more = self.body.is_some();
        if self.first.as_ref().len() <= COPIED_BYTES {
            let frame = Frame::copy_from(self.first.as_ref());
            socket.try_send(frame, more).map_err(|refused| refused.reason)?;
        } else {
            let frame = Frame::from_owner(std::mem::take(&mut self.first));
            if let Err(refused) = socket.try_send(frame, more) {
                // Rare: the queue to the server was full just now.
                self.first = self.budget.hold_again(refused.frame.to_vec());
                return Err(refused.reason);
            }
        }
        match self.body.take() {
            // A message is refused with its first frame or not at all.
            Some(body) => socket.try_send(body, false).map_err(|refused| refused.reason),
            None => Ok(()),
        }
    }

    /// Gives a copy of the request to libzmq: the request may be sent once more.
    pub(crate) fn try_send_copy(
        &mut self,
        socket: &mut Socket,
        epoch: u64,
        deadline_us: u64,
    ) -> Result<(), SendRefusal> {
        self.write_header(epoch, deadline_us);
        let body = self.body.as_ref().map(Frame::shared);
        // The header will be another one then, so these bytes cannot be shared.
        let first = Frame::copy_from(self.first.as_ref());
        socket.try_send(first, body.is_some()).map_err(|refused| refused.reason)?;
        body.map_or(Ok(()), |body| socket.try_send(body, false).map_err(|refused| refused.reason))
    }

    fn write_header(&mut self, epoch: u64, deadline_us: u64) {
        self.header.epoch = epoch;
        self.header.deadline_us = deadline_us;
        self.header.overwrite(self.first.as_mut());
    }
}
