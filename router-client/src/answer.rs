//! `Answer`: a message of the server as the calls loop takes it, its body still unread.

use router_socket::Frame;
use router_wire::{OutcomeHeader, ServerMessage};

/// A message, read as far as it takes to find its call.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The call goes on.
    Progress { call: u64, report: Frame },
    /// The call ended, or a hello or ping was answered.
    Outcome {
        header: OutcomeHeader,
        /// Header and, unless it has a frame of its own, body.
        message: Frame,
        body: Option<Frame>,
    },
    /// No message of this protocol; the call whose outcome it seems to be, if it does.
    Malformed { outcome_of: Option<u64>, reason: String },
}

/// Reads a message; `frames` is empty afterwards.
pub(crate) fn read(frames: &mut Vec<Frame>) -> Answer {
    let count = frames.len();
    let mut parts = frames.drain(..);
    let Some(message) = parts.next() else {
        return Answer::Malformed { outcome_of: None, reason: "it has no frames".to_owned() };
    };
    let body = parts.next();
    match ServerMessage::decode(&message) {
        Ok(ServerMessage::Progress { call, .. }) if count == 1 => Answer::Progress { call, report: message },
        Ok(ServerMessage::Outcome { header, .. }) if count == 1 + usize::from(header.body_in_own_frame) => {
            Answer::Outcome { header, message, body }
        }
        Ok(ServerMessage::Outcome { header, .. }) => Answer::Malformed {
            outcome_of: Some(header.call),
            reason: "its frames do not fit its flags".to_owned(),
        },
        Ok(ServerMessage::Progress { .. }) => {
            Answer::Malformed { outcome_of: None, reason: "progress has one frame".to_owned() }
        }
        Err(error) => Answer::Malformed { outcome_of: outcome_number(&message), reason: error.to_string() },
    }
}

/// The call number of an outcome that may be broken elsewhere.
fn outcome_number(message: &[u8]) -> Option<u64> {
    const OUTCOME: u8 = 129;
    let bytes = message.get(16..24).filter(|_| message.first() == Some(&OUTCOME))?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use router_wire::{Encoding, Status};

    fn outcome(body_in_own_frame: bool) -> Vec<u8> {
        let (encoding, status) = (Encoding::MessagePack, Status::Done);
        OutcomeHeader { body_in_own_frame, encoding, status, epoch: 7, call: 3 }.encode().to_vec()
    }

    fn answer(frames: &[&[u8]]) -> Answer {
        read(&mut frames.iter().map(|frame| Frame::copy_from(frame)).collect())
    }

    #[test]
    fn frames_have_to_fit_the_flags() {
        assert!(matches!(answer(&[&outcome(false)]), Answer::Outcome { body: None, .. }));
        assert!(matches!(answer(&[&outcome(true), b"x"]), Answer::Outcome { body: Some(_), .. }));
        for wrong in [&[&outcome(true)[..]][..], &[&outcome(false), b"x"], &[&outcome(true), b"x", b"y"]] {
            assert!(matches!(answer(wrong), Answer::Malformed { outcome_of: Some(3), .. }));
        }
        let mut of_a_later_version = outcome(false);
        of_a_later_version[3] = 200;
        assert!(matches!(answer(&[&of_a_later_version]), Answer::Malformed { outcome_of: Some(3), .. }));
        assert!(matches!(answer(&[]), Answer::Malformed { outcome_of: None, .. }));
        assert!(matches!(answer(&[b""]), Answer::Malformed { outcome_of: None, .. }));
    }

    proptest! {
        #[test]
        fn any_frames_are_read_or_refused(
            frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..5),
        ) {
            let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
            let _ = answer(&frames);
        }
    }
}
