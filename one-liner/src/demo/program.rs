//! How a person calls this program from any folder.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What to type for this program: its name where the shell finds it by that, else its path, quoted where it must be.
pub(crate) fn program() -> String {
    let Ok(path) = env::current_exe() else { return NAME.to_owned() };
    let folders: Vec<PathBuf> =
        env::var_os("PATH").map(|folders| env::split_paths(&folders).collect()).unwrap_or_default();
    typed(&path, &folders)
}

const NAME: &str = "one-liner";

fn typed(path: &Path, folders: &[PathBuf]) -> String {
    let file = path.file_name().unwrap_or(OsStr::new(NAME));
    // The first one of this name is what a shell takes. Two names of one file are told by where they lead.
    let first = folders.iter().map(|folder| folder.join(file)).find(|found| found.is_file());
    if first.is_some_and(|first| is_same(&first, path)) {
        let file = Path::new(file).with_extension("");
        return quoted(&file.to_string_lossy());
    }
    quoted(&path.to_string_lossy())
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// As a shell reads it as one word.
fn quoted(text: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "/\\:._-+~@".contains(character);
    if cfg!(windows) {
        let is_plain = |character| is_plain(character) || character == '(' || character == ')';
        return if text.chars().all(is_plain) { text.to_owned() } else { format!("\"{text}\"") };
    }
    if text.chars().all(|character| is_plain(character) && character != '\\') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_enough_where_the_shell_finds_this_very_file() {
        let path = env::current_exe().unwrap();
        let (folder, name) = (path.parent().unwrap().to_owned(), path.file_name().unwrap());
        let elsewhere = env::temp_dir();
        let short = Path::new(name).with_extension("").to_string_lossy().into_owned();
        assert_eq!(typed(&path, &[elsewhere.clone(), folder]), short);
        assert_eq!(typed(&path, &[elsewhere]), path.to_string_lossy());
    }

    #[test]
    fn a_path_stays_one_word() {
        assert_eq!(quoted("/opt/one-liner_0.1/one-liner"), "/opt/one-liner_0.1/one-liner");
        assert_eq!(quoted("/home/a b/one-liner"), "'/home/a b/one-liner'");
        assert_eq!(quoted("/it's/$HOME"), "'/it'\\''s/$HOME'");
    }
}
