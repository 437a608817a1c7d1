//! `one-liner completions SHELL`: what a shell needs to complete this command.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::CommandLine;
use crate::exit::{CommandError, Exit};

/// Print the completions of this command for a shell
///
/// bash: one-liner completions bash > ~/.local/share/bash-completion/completions/one-liner.
/// zsh: write it to a file _one-liner in a folder of $fpath. fish: write it to
/// ~/.config/fish/completions/one-liner.fish.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    ///
    /// # Errors
    /// When stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut CommandLine::command(), "one-liner", &mut script);
        let mut stdout = io::stdout().lock();
        stdout.write_all(&script)?;
        stdout.flush()?;
        Ok(Exit::Done)
    }
}
