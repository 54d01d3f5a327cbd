//! `attune completions`: what makes a shell complete this program's commands and options.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use super::Cli;

/// Print what makes a shell complete this program's commands.
///
/// bash: attune completions bash > ~/.local/share/bash-completion/completions/attune;
/// zsh: attune completions zsh > a folder of $fpath, as _attune;
/// fish: attune completions fish > ~/.config/fish/completions/attune.fish
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: For,
}

/// The shells that are known here.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum For {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(super) fn run(self) -> Result<ExitCode> {
        let shell = match self.shell {
            For::Bash => Shell::Bash,
            For::Zsh => Shell::Zsh,
            For::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        // The generators list hidden commands as well.
        let known = Cli::command();
        let shown = known.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
        let mut shown = clap::Command::new("attune").version(env!("CARGO_PKG_VERSION")).subcommands(shown);
        clap_complete::generate(shell, &mut shown, "attune", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
