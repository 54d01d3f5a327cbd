//! `attune new`: a project to begin with.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::workbench::new::{TEMPLATES, Template};

/// Begin a plugin: a folder with a project that builds and passes its scenarios.
#[derive(Debug, Args)]
pub(super) struct New {
    /// What the plugin is called, and the new folder here.
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// The language to write it in.
    #[arg(
        long,
        required_unless_present = "list",
        value_parser = PossibleValuesParser::new(TEMPLATES.iter().map(|template| template.language))
    )]
    lang: Option<String>,
    /// Show the languages, and what each is built with.
    #[arg(long)]
    list: bool,
}

impl New {
    pub(super) fn run(self) -> Result<ExitCode> {
        let (Some(name), Some(language), false) = (self.name, self.lang, self.list) else {
            for template in &TEMPLATES {
                println!("{:<12}built with {}", template.language, template.built_with);
            }
            return Ok(ExitCode::SUCCESS);
        };
        let template = Template::of(&language).context("no template of this language")?;
        template.write(Path::new(""), &name)?;
        println!("{name} is a plugin in {language}. To build it and play its scenarios:\n  cd {name}\n  attune test");
        Ok(ExitCode::SUCCESS)
    }
}
