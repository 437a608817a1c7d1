//! rustdoc without a warning. A unit in brackets, `[um]`, reads like a link to it, and is left out.

use std::path::Path;

use crate::cargo;

/// What stands in brackets and is no link: units, and the port of an address.
const NOT_LINKS: &str =
    "bytes MB pixels samples s ms us ns Hz um mm um/s mW degC counts electrons counts/electron bit % :PORT";

/// Builds the documentation and looks at what rustdoc says.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let args = ["doc", "--workspace", "--no-deps"];
    eprintln!("cargo {}", args.join(" "));
    let output = cargo::command(root)
        .args(args)
        // The workspace allows these because of the units; here they are told apart.
        .env("RUSTDOCFLAGS", "-W rustdoc::broken_intra_doc_links")
        .env("CARGO_TERM_COLOR", "never")
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let wrong: Vec<&str> = text.split("\n\n").filter_map(problem).collect();
    if output.status.success() && wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n\n")) }
}

/// The diagnostic in a paragraph of rustdoc's output, unless it is about a unit.
fn problem(paragraph: &str) -> Option<&str> {
    let start =
        paragraph.lines().position(|line| line.starts_with("warning: ") || line.starts_with("error"))?;
    let at: usize = paragraph.split_inclusive('\n').take(start).map(str::len).sum();
    let first = paragraph[at..].lines().next().unwrap_or_default();
    let is_sum = first.ends_with(" warning") || first.ends_with(" warnings") || first.contains(" generated ");
    let is_unit = first
        .strip_prefix("warning: unresolved link to `")
        .and_then(|rest| rest.strip_suffix('`'))
        .is_some_and(|link| NOT_LINKS.split(' ').any(|unit| unit == link));
    (!is_sum && !is_unit).then_some(&paragraph[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_no_links() {
        let check =
            |paragraph: &str, expect: Option<&str>| assert_eq!(problem(paragraph), expect, "{paragraph}");
        check("warning: unresolved link to `um`\n --> a.rs:1:1", None);
        check(
            "warning: unresolved link to `Stage`\n --> a.rs",
            Some("warning: unresolved link to `Stage`\n --> a.rs"),
        );
        check(" Documenting a v0.1.0\nwarning: unused\n --> a.rs", Some("warning: unused\n --> a.rs"));
        check("warning: `a` (lib doc) generated 3 warnings\n    Finished", None);
        check("    Finished `dev` profile", None);
    }
}
