//! What the README of an example promises: which programs to start and what they print.

/// An example as its README tells it.
#[derive(Debug, PartialEq)]
pub(crate) struct Example {
    /// The programs in the order of the `sh` block; the first is the server.
    pub(crate) programs: Vec<Program>,
}

/// One line of the `sh` block: `cargo run -p examples --bin NAME -- ARGS`, or `python3 SCRIPT`, or `node SCRIPT`.
#[derive(Debug, PartialEq)]
pub(crate) struct Program {
    /// Its name; of a script the file's.
    pub(crate) bin: String,
    /// What runs it, where that is not cargo, and the script's path in the repository.
    pub(crate) script: Option<(Interpreter, String)>,
    /// What it is given behind the endpoint.
    pub(crate) arguments: Vec<String>,
    /// What it prints: the block whose info string is `text NAME` or `text NAME ARGS`, if there is one.
    pub(crate) prints: Option<String>,
}

/// What runs a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interpreter {
    Python,
    Node,
}

impl Interpreter {
    fn of(word: &str) -> Option<Interpreter> {
        match word {
            "python3" => Some(Interpreter::Python),
            "node" => Some(Interpreter::Node),
            _ => None,
        }
    }

    /// The program.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Interpreter::Python => "python3",
            Interpreter::Node => "node",
        }
    }

    /// Arguments with which it succeeds where a script finds its binding of ZeroMQ.
    pub(crate) fn check(self) -> [&'static str; 2] {
        match self {
            Interpreter::Python => ["-c", "import zmq"],
            Interpreter::Node => ["-e", "require('zeromq')"],
        }
    }

    /// What is needed, for people.
    pub(crate) fn needs(self) -> &'static str {
        match self {
            Interpreter::Python => "python3 with pyzmq",
            Interpreter::Node => "node with zeromq 6, found by NODE_PATH",
        }
    }
}

impl Program {
    /// How the program is named in the README and here.
    pub(crate) fn title(&self) -> String {
        [&[self.bin.clone()][..], &self.arguments].concat().join(" ")
    }
}

/// Reads a README.
///
/// # Errors
/// What it lacks.
pub(crate) fn read(readme: &str) -> Result<Example, String> {
    let blocks = blocks(readme);
    let mut programs: Vec<Program> = blocks
        .iter()
        .filter(|(info, _)| info == "sh")
        .flat_map(|(_, text)| text.lines())
        .filter_map(program)
        .collect();
    if programs.len() < 2 {
        return Err("its README starts no server and client in a `sh` block".into());
    }
    for program in &mut programs {
        let info = format!("text {}", program.title());
        program.prints = blocks.iter().find(|(of, _)| *of == info).map(|(_, text)| text.clone());
    }
    match programs.iter().skip(1).find(|program| program.prints.is_none()) {
        Some(program) => {
            Err(format!("its README has no block `text {}` with what it prints", program.title()))
        }
        None => Ok(Example { programs }),
    }
}

/// The fenced blocks: info string and text.
fn blocks(readme: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((info.to_owned(), text.join("\n")));
        }
    }
    found
}

fn program(line: &str) -> Option<Program> {
    let line = line.split('#').next()?;
    let mut words = line.split_whitespace();
    if let Some(interpreter) = words.next().and_then(Interpreter::of) {
        let path = words.next()?.to_owned();
        let bin = path.rsplit('/').next().unwrap_or(&path).to_owned();
        let arguments = words.filter(|word| !word.contains("://")).map(str::to_owned).collect();
        return Some(Program { bin, script: Some((interpreter, path)), arguments, prints: None });
    }
    let mut words = line.split_whitespace().skip_while(|word| *word != "--bin").skip(1);
    let bin = words.next()?.to_owned();
    // The endpoint is written for people; the runner gives its own.
    let arguments = words.filter(|word| *word != "--" && !word.contains("://")).map(str::to_owned).collect();
    Some(Program { bin, script: None, arguments, prints: None })
}

/// Whether `printed` is `expected`, where `...` in a line stands for any text and as a line for any lines.
pub(crate) fn matches(expected: &str, printed: &str) -> bool {
    let expected: Vec<&str> = expected.lines().map(str::trim_end).collect();
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    lines_match(&expected, &printed)
}

fn lines_match(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..])),
        Some((line, rest)) => {
            printed.first().is_some_and(|first| line_matches(line, first)) && lines_match(rest, &printed[1..])
        }
    }
}

fn line_matches(expected: &str, printed: &str) -> bool {
    let mut parts = expected.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_is_read() {
        let readme = "# x\n```sh\ncargo run -p examples --bin x-server\ncargo run -p examples --bin x-client -- tcp://127.0.0.1 bob # a second one\n```\n```text x-client bob\nhello\n```\n";
        let example = read(readme).unwrap();
        let server = Program { bin: "x-server".into(), script: None, arguments: vec![], prints: None };
        let client = Program {
            bin: "x-client".into(),
            script: None,
            arguments: vec!["bob".into()],
            prints: Some("hello".into()),
        };
        assert_eq!(example, Example { programs: vec![server, client] });
        let script = readme.replace("cargo run -p examples --bin x-client --", "python3 examples/x/call.py");
        let script = read(&script.replace("text x-client", "text call.py")).unwrap().programs.remove(1);
        assert_eq!(script.script, Some((Interpreter::Python, "examples/x/call.py".to_owned())));
        assert_eq!((script.title().as_str(), script.prints.as_deref()), ("call.py bob", Some("hello")));
        assert!(read("# nothing\n").is_err());
        assert!(
            read(&readme.replace("text x-client bob", "text x-client"))
                .unwrap_err()
                .contains("`text x-client bob`")
        );
    }

    #[test]
    fn printed_lines_are_compared() {
        let check = |expected: &str, printed: &str, expect: bool| {
            assert_eq!(matches(expected, printed), expect, "{expected:?} {printed:?}");
        };
        check("a\nb", "a\nb\n", true);
        check("a", "a\nb", false);
        check("took ... ms", "took 12 ms", true);
        check("took ... ms", "took 12 s", false);
        check("a ... b ... c", "a 1 b 2 c", true);
        check("a\n...\nd", "a\nb\nc\nd", true);
        check("a\n...\nd", "a\nd", true);
        check("a\n...\nd", "a\nb", false);
    }
}
