//! Licences and doubled versions of the dependencies, by `cargo tree`, without network.
//!
//! What is allowed stands in deny.toml, in the form that `cargo deny` reads too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{cargo, licence};

/// Looks at every crate of every platform.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let rules = Rules::read(root)?;
    let packages = packages(root)?;
    let mut wrong = Vec::new();
    for package in &packages {
        let key = format!("{}@{}", package.name, package.version);
        match licence::is_allowed(&package.licence, &rules.licences) {
            Ok(true) => {}
            Ok(false) => wrong.push(format!(
                "{key} is licensed under `{}`, which deny.toml does not allow",
                package.licence
            )),
            Err(reason) => wrong.push(format!("{key}: its licence cannot be read: {reason}")),
        }
    }
    wrong.extend(doubled(&packages, &rules.tolerated));
    wrong.extend(needless(&packages, &rules.tolerated));
    eprintln!("{} crates, {} tolerated as a second version", packages.len(), rules.tolerated.len());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// What deny.toml allows.
struct Rules {
    licences: Vec<String>,
    tolerated: BTreeSet<String>,
}

impl Rules {
    fn read(root: &Path) -> Result<Rules, String> {
        let text = std::fs::read_to_string(root.join("deny.toml"))
            .map_err(|error| format!("deny.toml cannot be read: {error}"))?;
        Ok(Rules {
            licences: first_strings(&text, "allow"),
            tolerated: first_strings(&text, "skip").into_iter().collect(),
        })
    }
}

/// The first quoted string of each line of the array `key`, which ends at a line `]`.
fn first_strings(toml: &str, key: &str) -> Vec<String> {
    toml.lines()
        .skip_while(|line| line.trim() != format!("{key} = ["))
        .skip(1)
        .take_while(|line| line.trim() != "]")
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split('"').nth(1).map(str::to_owned))
        .collect()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
}

fn packages(root: &Path) -> Result<BTreeSet<Package>, String> {
    let args = [
        "tree",
        "--workspace",
        "--all-features",
        "--target",
        "all",
        "--edges",
        "normal,build,dev",
        "--prefix",
        "none",
    ];
    let args = [&args[..], &["--format", "{p}|{l}", "--locked", "--offline"]].concat();
    let tree = cargo::output(root, &args).map_err(|stderr| {
        format!("not every crate of Cargo.lock is on this machine: run `cargo fetch --locked` once\n{stderr}")
    })?;
    tree.lines().filter(|line| !line.is_empty()).map(package).collect()
}

/// Reads `serde v1.0.0 (proc-macro)|MIT OR Apache-2.0 (*)`.
fn package(line: &str) -> Result<Package, String> {
    let unexpected = || format!("`cargo tree` printed a line that is not understood: {line}");
    let (package, licence) = line.split_once('|').ok_or_else(unexpected)?;
    let mut words = package.split(' ');
    let name = words.next().ok_or_else(unexpected)?;
    let version = words.next().and_then(|word| word.strip_prefix('v')).ok_or_else(unexpected)?;
    Ok(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: licence.trim_end_matches(" (*)").to_owned(),
    })
}

/// Crates of which more than one version is built without deny.toml saying so.
fn doubled(packages: &BTreeSet<Package>, tolerated: &BTreeSet<String>) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        if !tolerated.contains(&format!("{}@{}", package.name, package.version)) {
            versions.entry(&package.name).or_default().push(&package.version);
        }
    }
    versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, versions)| {
            format!(
                "{name} is built in the versions {}: unify them, or add one to `skip` in deny.toml",
                versions.join(", ")
            )
        })
        .collect()
}

/// Tolerations that no longer serve a purpose.
fn needless(packages: &BTreeSet<Package>, tolerated: &BTreeSet<String>) -> Vec<String> {
    let present: BTreeSet<String> = packages.iter().map(|p| format!("{}@{}", p.name, p.version)).collect();
    tolerated
        .difference(&present)
        .map(|key| format!("{key} is in `skip` of deny.toml but no longer built"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_cargo_tree() {
        let read = |line: &str| package(line).map(|p| (p.name, p.version, p.licence)).ok();
        let expect = |name: &str, version: &str, licence: &str| {
            Some((name.to_owned(), version.to_owned(), licence.to_owned()))
        };
        assert_eq!(read("serde v1.0.2|MIT OR Apache-2.0 (*)"), expect("serde", "1.0.2", "MIT OR Apache-2.0"));
        assert_eq!(read("serde_derive v1.0.2 (proc-macro)|MIT"), expect("serde_derive", "1.0.2", "MIT"));
        assert_eq!(read("no licence"), None);
    }

    #[test]
    fn arrays_of_deny_toml() {
        let toml = "[licenses]\nallow = [\n    \"MIT\",\n    # \"GPL\",\n]\n[bans]\nskip = [\n    { crate = \"a@1.0.0\", reason = \"b\" },\n]\n";
        assert_eq!(first_strings(toml, "allow"), ["MIT"]);
        assert_eq!(first_strings(toml, "skip"), ["a@1.0.0"]);
    }

    #[test]
    fn doubled_versions() {
        let packages: BTreeSet<Package> = ["a v1.0.0|MIT", "a v2.0.0|MIT", "b v1.0.0|MIT"]
            .into_iter()
            .map(|line| package(line).unwrap())
            .collect();
        assert_eq!(doubled(&packages, &BTreeSet::new()).len(), 1);
        assert!(doubled(&packages, &BTreeSet::from(["a@1.0.0".to_owned()])).is_empty());
        assert_eq!(needless(&packages, &BTreeSet::from(["b@3.0.0".to_owned()])).len(), 1);
    }
}
