//! What the README of an example promises: which programs to start and what they print.

/// An example as its README tells it.
#[derive(Debug, PartialEq)]
pub(crate) struct Example {
    /// The programs in the order of the `sh` block; the first is the server.
    pub(crate) programs: Vec<Program>,
}

/// One line of the `sh` block: `cargo run -p examples --bin NAME -- ARGS`.
#[derive(Debug, PartialEq)]
pub(crate) struct Program {
    /// Its name.
    pub(crate) bin: String,
    /// What it is given behind the endpoint.
    pub(crate) arguments: Vec<String>,
    /// What it prints: the block whose info string is `text NAME` or `text NAME ARGS`, if there is one.
    pub(crate) prints: Option<String>,
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
    let mut words = line.split('#').next()?.split_whitespace().skip_while(|word| *word != "--bin").skip(1);
    let bin = words.next()?.to_owned();
    // The endpoint is written for people; the runner gives its own.
    let arguments = words.filter(|word| *word != "--" && !word.contains("://")).map(str::to_owned).collect();
    Some(Program { bin, arguments, prints: None })
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
        let server = Program { bin: "x-server".into(), arguments: vec![], prints: None };
        let client =
            Program { bin: "x-client".into(), arguments: vec!["bob".into()], prints: Some("hello".into()) };
        assert_eq!(example, Example { programs: vec![server, client] });
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
