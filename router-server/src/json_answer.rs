//! Answers in JSON, to requests that came in JSON.

use router_wire::reply::REPLY_HEADER_BYTES;
use router_wire::{Encoding, Failure, OutcomeHeader, Refused, ServerMessage, json};

use crate::job::encode_outcome;

/// Where the encoding is in the header of an outcome and of a progress report.
const ENCODING_AT: usize = 2;

/// The same outcome or progress report with its body in JSON. What cannot be written, or has more than
/// `max_body_bytes` then, becomes the failure that says so.
pub(crate) fn in_json(mut message: Vec<u8>, max_body_bytes: usize) -> Vec<u8> {
    let body = message.get(REPLY_HEADER_BYTES..).unwrap_or_default();
    let text = if body.is_empty() { Ok(b"null".to_vec()) } else { json::from_message_pack(body) };
    let refusal = match text {
        Ok(text) if text.len() <= max_body_bytes => {
            message.truncate(REPLY_HEADER_BYTES);
            message[ENCODING_AT] = Encoding::Json as u8;
            message.extend_from_slice(&text);
            return message;
        }
        Ok(text) => {
            let bytes = text.len();
            let text = format!(
                "the answer has {bytes} bytes in JSON; the limit is {max_body_bytes} (max_body_bytes)"
            );
            Refused::new("answer_too_large", text)
        }
        Err(error) => {
            Refused::new("answer_not_json", format!("the answer cannot be written as JSON: {error}"))
        }
    };
    match ServerMessage::decode(&message) {
        // The failure itself is short and plain: this does not come here again.
        Ok(ServerMessage::Outcome { header: OutcomeHeader { epoch, call, .. }, .. }) => {
            in_json(encode_outcome(Err(Failure::Refused(refusal)), epoch, call, usize::MAX), usize::MAX)
        }
        _ => message,
    }
}

/// Whether a message of a client is a request in JSON.
pub(crate) fn asks_for_json(message: &[u8]) -> bool {
    const REQUEST: u8 = 1;
    message.first() == Some(&REQUEST) && message.get(ENCODING_AT) == Some(&(Encoding::Json as u8))
}
