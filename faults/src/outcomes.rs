//! What callers were told of their calls, beside what the servers say that they ran.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::failed::{Outcome, check};

/// What a caller gives each call.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);
/// How late an outcome may be on a busy machine.
const LATE: Duration = Duration::from_secs(2);

/// How a call ended, as far as it matters whether it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    Done,
    NeverRan,
    Unknown,
    DeadlineExceeded,
    /// A wrong answer, or an outcome that nothing here explains.
    Wrong,
}

const WORDS: [(Ending, &str); 5] = [
    (Ending::Done, "done"),
    (Ending::NeverRan, "never_ran"),
    (Ending::Unknown, "unknown"),
    (Ending::DeadlineExceeded, "deadline_exceeded"),
    (Ending::Wrong, "wrong"),
];

impl Ending {
    pub(crate) fn word(self) -> &'static str {
        WORDS.iter().find(|(ending, _)| *ending == self).map_or("wrong", |(_, word)| word)
    }

    fn read(word: &str) -> Ending {
        WORDS.iter().find(|(_, known)| *known == word).map_or(Ending::Wrong, |(ending, _)| *ending)
    }
}

/// Everything that was called and everything that ran.
#[derive(Default)]
pub(crate) struct Outcomes {
    ran: HashSet<u64>,
    ran_twice: Vec<u64>,
    ended: HashMap<u64, Ending>,
    slowest: Duration,
}

impl Outcomes {
    /// A server said that the call of this number ran, or a caller how one ended; anything else is left out.
    pub(crate) fn hear(&mut self, said: &[(String, String)]) {
        for (key, value) in said {
            match key.as_str() {
                "ran" => self.ran(value),
                "ended_call" => self.ended(value),
                _ => {}
            }
        }
    }

    fn ran(&mut self, number: &str) {
        let Ok(number) = number.parse() else { return };
        if !self.ran.insert(number) {
            self.ran_twice.push(number);
        }
    }

    fn ended(&mut self, said: &str) {
        let mut words = said.split(' ');
        let (Some(number), Some(word), Some(ms)) = (words.next(), words.next(), words.next()) else { return };
        let (Ok(number), Ok(ms)) = (number.parse(), ms.parse()) else { return };
        self.ended.insert(number, Ending::read(word));
        self.slowest = self.slowest.max(Duration::from_millis(ms));
    }

    fn count(&self, ending: Ending) -> usize {
        self.ended.values().filter(|ended| **ended == ending).count()
    }

    /// What is wrong with them, if anything: that a call ran twice, did not run though it is done, ran although its
    /// caller was told that it did not, or ended long after its deadline.
    pub(crate) fn must_be_right(&self) -> Outcome {
        for (number, ending) in &self.ended {
            let ran = self.ran.contains(number);
            let is_right = match ending {
                Ending::Done => ran,
                Ending::NeverRan => !ran,
                Ending::Unknown | Ending::DeadlineExceeded => true,
                Ending::Wrong => false,
            };
            check(is_right, || format!("call {number} ended `{}` and ran: {ran}", ending.word()))?;
        }
        self.must_have_ended()
    }

    /// What is wrong with them where an answer may be a lie: that a call ran twice, that none was ever done, or that one
    /// ended long after its deadline.
    pub(crate) fn must_have_ended(&self) -> Outcome {
        check(self.ran_twice.is_empty(), || format!("calls ran twice: {:?}", self.ran_twice))?;
        check(self.count(Ending::Done) > 0, || "no call was ever done".into())?;
        check(self.slowest <= DEADLINE + LATE, || format!("an outcome took {:?}", self.slowest))
    }
}

impl std::fmt::Display for Outcomes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} calls done", self.count(Ending::Done))?;
        let others = [
            (Ending::Unknown, "unknown"),
            (Ending::NeverRan, "never ran"),
            (Ending::DeadlineExceeded, "deadline exceeded"),
            (Ending::Wrong, "wrong"),
        ];
        for (ending, words) in others {
            match self.count(ending) {
                0 => {}
                count => write!(f, ", {count} {words}")?,
            }
        }
        f.write_str(", none twice")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_found() {
        let check = |said: &[(&str, &str)], expect: Option<&str>| {
            let said: Vec<_> = said.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            let mut outcomes = Outcomes::default();
            outcomes.hear(&said);
            let wrong = outcomes.must_be_right().err().map(|failed| failed.0);
            match expect {
                None => assert!(wrong.is_none(), "{wrong:?}"),
                Some(part) => assert!(wrong.as_ref().is_some_and(|text| text.contains(part)), "{wrong:?}"),
            }
        };
        let done = [("ran", "1"), ("ended_call", "1 done 3")];
        check(&done, None);
        check(&[done[0], done[1], ("ended_call", "2 unknown 9"), ("ended_call", "3 never_ran 9")], None);
        check(&[done[0], done[0], done[1]], Some("twice"));
        check(&[done[1]], Some("call 1 ended `done` and ran: false"));
        check(&[done[0], done[1], ("ran", "3"), ("ended_call", "3 never_ran 9")], Some("ran: true"));
        check(&[done[0], ("ended_call", "1 done 60000")], Some("took"));
        check(&[], Some("no call"));
    }
}
