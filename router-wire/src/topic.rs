//! `Topic`: what a subscription names, a stream or a view of one.
//!
//! On the wire it is the stream's name, for a view the byte 1 and the view's text, and NUL. No name holds a control
//! character, so that no topic begins with another.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::field::DecodeError;
use crate::name::{self, MAX_NAME_BYTES, Name};
use crate::view::{MAX_VIEW_BYTES, View};

/// Between a name and a view.
const BEFORE_VIEW: char = '\u{1}';

/// Longest topic, its NUL included [bytes].
pub const MAX_TOPIC_BYTES: usize = MAX_NAME_BYTES + 1 + MAX_VIEW_BYTES + 1;

/// A stream, or a view of one.
#[derive(Clone)]
pub struct Topic {
    name: Name,
    view: Option<View>,
    /// As it travels, without the NUL.
    text: Arc<str>,
}

impl Topic {
    /// All of a stream.
    pub fn whole(name: &Name) -> Topic {
        Topic { name: name.clone(), view: None, text: name.shared() }
    }

    /// A view of a stream.
    pub fn view_of(name: &Name, view: View) -> Topic {
        let text = Arc::from(format!("{name}{BEFORE_VIEW}{view}"));
        Topic { name: name.clone(), view: Some(view), text }
    }

    /// Reads what stands before the NUL.
    ///
    /// # Errors
    /// A [`DecodeError`] when it is neither a name nor a name with a view that is known here.
    pub fn parse(text: &str) -> Result<Topic, DecodeError> {
        let bad = |reason: String| DecodeError::BadName { field: "topic", reason };
        let (name, view) = match text.split_once(BEFORE_VIEW) {
            Some((name, view)) => (name, Some(View::parse(view).map_err(|error| bad(error.to_string()))?)),
            None => (text, None),
        };
        let name = Name::parse(name).map_err(|error| bad(error.to_string()))?;
        Ok(Topic { text: if view.is_some() { Arc::from(text) } else { name.shared() }, name, view })
    }

    /// The stream.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What of it; `None` for all.
    pub fn view(&self) -> Option<View> {
        self.view
    }

    /// As it travels, without the NUL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As it is subscribed to: with the NUL.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::sample::topic(&self.text)
    }
}

/// What a subscriber on the same machine asks for to attach to the slots of one life of a stream: its name and its
/// incarnation.
pub fn slots_key(name: &str, incarnation: u64) -> String {
    format!("{name}/{incarnation}")
}

/// The stream's name in the text of a topic.
pub fn name_in(topic: &str) -> &str {
    topic.split(BEFORE_VIEW).next().unwrap_or(topic)
}

/// Checks the text of a topic without keeping it. Of a view only its length and its characters are looked at.
pub(crate) fn check(topic: &str) -> Result<(), String> {
    let Some((name, view)) = topic.split_once(BEFORE_VIEW) else {
        return name::check(topic).map_err(|error| error.to_string());
    };
    if view.len() > MAX_VIEW_BYTES || !view.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("a view is at most {MAX_VIEW_BYTES} characters of printable ASCII"));
    }
    name::check(name).map_err(|error| error.to_string())
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Topic {
    fn eq(&self, other: &Topic) -> bool {
        self.text == other.text
    }
}

impl Eq for Topic {}

impl Hash for Topic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state); // as the text that it is borrowed as
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.view {
            Some(view) => write!(f, "{} ({view})", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_topic_is_a_name_and_perhaps_a_view() {
        let name = Name::parse("camera.frame").unwrap();
        let (whole, tenth) = (Topic::whole(&name), Topic::view_of(&name, View::EveryNth { nth: 10 }));
        assert_eq!(whole.to_bytes(), b"camera.frame\0");
        assert_eq!(tenth.to_bytes(), b"camera.frame\x01nth=10\0");
        for topic in [&whole, &tenth] {
            let read = Topic::parse(topic.as_str()).unwrap();
            assert_eq!((&read, read.name(), read.view()), (topic, &name, topic.view()));
            assert_eq!(name_in(topic.as_str()), "camera.frame");
            assert_eq!(check(topic.as_str()), Ok(()));
        }
        let known = HashSet::from([whole.clone(), tenth.clone()]);
        assert!(known.contains("camera.frame") && known.contains("camera.frame\u{1}nth=10"));
    }

    #[test]
    fn what_is_none() {
        for text in ["", "\u{1}nth=10", "a..b\u{1}nth=10", "a\u{1}", "a\u{1}nth=1", "a\u{1}nth=10\u{1}nth=10"]
        {
            assert!(Topic::parse(text).is_err(), "{text:?}");
        }
        let long = format!("a\u{1}{}", "x".repeat(MAX_VIEW_BYTES + 1));
        assert!(check(&long).unwrap_err().contains("128"));
        // A view of a later version is no error of the packet.
        assert_eq!(check("a\u{1}roi=0,0,8,8"), Ok(()));
        assert!(check("a\u{1}n\u{7}").is_err());
    }
}
