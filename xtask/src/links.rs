//! Links between the documents: to files that exist, and to tests that exist.
//!
//! A test is linked as ``[`its_name`](router-server/tests/independence.rs)``: the file must hold `fn its_name`.

use std::path::{Path, PathBuf};

/// Looks at every Markdown file outside of target folders.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let mut documents = Vec::new();
    find_documents(root, &mut documents).map_err(|error| format!("the workspace cannot be read: {error}"))?;
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in &documents {
        let text =
            std::fs::read_to_string(document).map_err(|error| format!("{}: {error}", document.display()))?;
        let folder = document.parent().unwrap_or(root);
        for link in links(&text) {
            count += 1;
            if let Some(why) = broken(folder, &link) {
                wrong.push(format!("{}: {why}", document.strip_prefix(root).unwrap_or(document).display()));
            }
        }
    }
    eprintln!("{} documents, {count} links", documents.len());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn find_documents(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") {
                find_documents(&entry.path(), found)?;
            }
        } else if name.ends_with(".md") {
            found.push(entry.path());
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Link<'a> {
    text: &'a str,
    target: &'a str,
}

/// The inline links of a document, outside of code blocks; those with a scheme are left out.
fn links(document: &str) -> Vec<Link<'_>> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let mut rest = line;
        while let Some(middle) = rest.find("](") {
            let (before, after) = (&rest[..middle], &rest[middle + 2..]);
            let text = before.rfind('[').map_or("", |start| &before[start + 1..]);
            let Some(end) = after.find(')') else { break };
            let target = &after[..end];
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push(Link { text, target });
            }
            rest = &after[end..];
        }
    }
    found
}

fn broken(folder: &Path, link: &Link<'_>) -> Option<String> {
    let path = link.target.split('#').next().unwrap_or_default();
    if path.is_empty() {
        return None;
    }
    let file = folder.join(path);
    if !file.exists() {
        return Some(format!("`{}` is linked but not there", link.target));
    }
    let name = link.text.strip_prefix('`')?.strip_suffix('`')?;
    let is_identifier = name.contains('_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_identifier || !path.ends_with(".rs") {
        return None;
    }
    let source = std::fs::read_to_string(file).unwrap_or_default();
    (!source.contains(&format!("fn {name}("))).then(|| format!("`{path}` has no `fn {name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "see [`a_b`](x.rs) and [the web](https://example.org)\n```\n[no](no.md)\n```\n![drawing](assets/a.svg)";
        let expect =
            [Link { text: "`a_b`", target: "x.rs" }, Link { text: "drawing", target: "assets/a.svg" }];
        assert_eq!(links(text), expect);
    }

    #[test]
    fn a_test_that_is_not_there_is_found() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let check = |text: &str, target: &str, expect: bool| {
            assert_eq!(broken(folder, &Link { text, target }).is_some(), expect, "{text} {target}");
        };
        check("`a_test_that_is_not_there_is_found`", "src/links.rs", false);
        check("`a_test_of_another_name`", "src/links.rs", true);
        check("the source", "src/links.rs", false);
        check("the source", "src/nothing.rs", true);
        check("here", "#layout", false);
    }
}
