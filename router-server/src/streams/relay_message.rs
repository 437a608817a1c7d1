//! What a message is that a relay received. Everything here comes from strangers: it is read or counted.

use router_socket::Frame;
use router_wire::{PythonPacket, SampleHeader, SamplePacket};

use super::options::SMALL_SAMPLE_BYTES;
use super::relay_options::RelayFormat;

/// A message as it was read. Its bytes stay in the frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Message {
    /// A packet of another server.
    Numbered {
        /// The length of its name, with which the first frame begins.
        name_bytes: usize,
        header: SampleHeader,
        is_last_value: bool,
    },
    /// A value without number.
    Foreign(Foreign),
    /// None of what was expected.
    Unreadable,
}

/// A value without number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Foreign {
    /// The length of its topic, with which the first frame begins; `None` where it has none apart.
    pub(super) topic_bytes: Option<usize>,
    /// The frame of the payload, and where it begins there.
    pub(super) payload: (usize, usize),
    /// The source says that the value could not be made, and the payload why.
    pub(super) failed: bool,
    /// By a monotonic clock of the source [ns].
    pub(super) monotonic_ns: Option<u64>,
}

impl Message {
    /// Reads the frames of one message; several small frames of payload become one. A message that is not whole had
    /// more frames than any that is read.
    pub(super) fn read(format: RelayFormat, frames: &mut Vec<Frame>, is_whole: bool) -> Message {
        if !is_whole || frames.is_empty() {
            return Message::Unreadable;
        }
        let read = match format {
            RelayFormat::Auto => numbered(frames).or_else(|| match frames.len() {
                1 => python(&frames[0]).or_else(|| Some(bare())),
                _ => multipart(frames),
            }),
            RelayFormat::RouterServer => numbered(frames),
            RelayFormat::PythonOneLiner if frames.len() == 1 => python(&frames[0]),
            RelayFormat::Multipart => multipart(frames),
            RelayFormat::Prefixed(separator) if frames.len() == 1 => prefixed(&frames[0], separator),
            RelayFormat::Bare if frames.len() == 1 => Some(bare()),
            _ => None,
        };
        read.unwrap_or(Message::Unreadable)
    }
}

fn numbered(frames: &[Frame]) -> Option<Message> {
    let packet = SamplePacket::decode(&frames[0]).ok()?;
    let in_own_frame = packet.header.payload_in_own_frame;
    if frames.len() != 1 + usize::from(in_own_frame)
        || (in_own_frame && !packet.payload.is_empty())
        || packet.in_slot
    {
        return None;
    }
    let (name_bytes, header) = (packet.topic.len(), packet.header);
    Some(Message::Numbered { name_bytes, header, is_last_value: packet.last_value })
}

fn python(frame: &Frame) -> Option<Message> {
    let packet = PythonPacket::decode(frame).ok()?;
    Some(Message::Foreign(Foreign {
        topic_bytes: Some(packet.topic.len()),
        payload: (0, frame.len() - packet.payload.len()),
        failed: !packet.success,
        monotonic_ns: packet.time.and_then(|time| time.seconds_as_ns()),
    }))
}

fn multipart(frames: &mut Vec<Frame>) -> Option<Message> {
    match frames.len() {
        0 | 1 => return None,
        2 => {}
        _ => {
            if frames[1..].iter().map(|frame| frame.len()).sum::<usize>() > SMALL_SAMPLE_BYTES {
                return None;
            }
            let joined: Vec<u8> = frames[1..].iter().flat_map(|frame| frame.iter().copied()).collect();
            frames.truncate(1);
            frames.push(Frame::from_vec(joined));
        }
    }
    Some(foreign(Some(frames[0].len()), (1, 0)))
}

fn prefixed(frame: &Frame, separator: u8) -> Option<Message> {
    let topic_bytes = frame.iter().position(|&byte| byte == separator)?;
    Some(foreign(Some(topic_bytes), (0, topic_bytes + 1)))
}

fn bare() -> Message {
    foreign(None, (0, 0))
}

fn foreign(topic_bytes: Option<usize>, payload: (usize, usize)) -> Message {
    Message::Foreign(Foreign { topic_bytes, payload, failed: false, monotonic_ns: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use router_wire::{Encoding, SampleStatus, sample};

    const FORMATS: [RelayFormat; 6] = [
        RelayFormat::Auto,
        RelayFormat::RouterServer,
        RelayFormat::PythonOneLiner,
        RelayFormat::Multipart,
        RelayFormat::Prefixed(b' '),
        RelayFormat::Bare,
    ];

    fn packet(own_frame: bool) -> Vec<u8> {
        let mut packet = sample::start_packet("a");
        let header = SampleHeader {
            payload_in_own_frame: own_frame,
            status: SampleStatus::Value,
            encoding: Encoding::Raw,
            epoch: 1,
            incarnation: 2,
            sequence: 3,
            utc_ns: 4,
            monotonic_ns: 5,
        };
        sample::finish_packet(&mut packet, "a", &header);
        packet
    }

    const PYTHON: &[u8] = b"dj\0\x08\0\x80\x02\x88N\x86q\0.value";

    #[test]
    fn each_format_takes_its_own() {
        let (one, two, python) = (packet(false), packet(true), PYTHON.to_vec());
        let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
        // Which of FORMATS read it as numbered (n), as foreign with a topic (t), or without (b); `-`: unreadable.
        for (frames, expect) in [
            (vec![one.clone()], "nn---b"),
            (vec![two.clone(), vec![1]], "nn-t--"),
            (vec![two.clone()], "b----b"),
            (vec![one, vec![1]], "t--t--"),
            (vec![python], "t-t--b"),
            (words(&["power", "1.5"]), "t--t--"),
            (words(&["power", "1", "2", "3"]), "t--t--"),
            (words(&["power 1.5"]), "b---tb"),
            (words(&["1.5"]), "b----b"),
            (words(&[""]), "b----b"),
            (words(&["power", ""]), "t--t--"),
            (vec![b"power".to_vec(), vec![0; 40_000], vec![0; 40_000]], "------"),
        ] {
            let read = |format| {
                let mut frames: Vec<Frame> = frames.iter().cloned().map(Frame::from_vec).collect();
                match Message::read(format, &mut frames, true) {
                    Message::Numbered { .. } => 'n',
                    Message::Foreign(Foreign { topic_bytes: Some(_), .. }) => 't',
                    Message::Foreign(Foreign { topic_bytes: None, .. }) => 'b',
                    Message::Unreadable => '-',
                }
            };
            let found: String = FORMATS.into_iter().map(read).collect();
            assert_eq!(found, expect, "{:?}", frames.first().map(|frame| frame.escape_ascii().to_string()));
        }
    }

    proptest! {
        #[test]
        fn any_frames_are_read_or_refused(
            frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..5),
            whole: bool,
        ) {
            for format in FORMATS {
                let mut frames: Vec<Frame> = frames.iter().cloned().map(Frame::from_vec).collect();
                match Message::read(format, &mut frames, whole) {
                    Message::Numbered { name_bytes, .. } => { let _ = &frames[0][..name_bytes]; }
                    Message::Foreign(Foreign { topic_bytes, payload: (frame, start), .. }) => {
                        let _ = topic_bytes.map(|topic| &frames[0][..topic]);
                        let _ = &frames[frame][start..];
                    }
                    Message::Unreadable => {}
                }
            }
        }
    }
}
