//! The command line. It reads arguments, calls the rooms, and prints; it decides nothing about customers.
//!
//! Exit codes: 0 done, 1 it did not work (a scenario failed, the server refused), 2 the arguments are wrong, 3 an owner has to
//! approve first (`diff`).

mod brake;
mod call;
mod completions;
mod connect;
mod customers;
mod demo;
mod dev;
mod diff;
mod doctor;
mod fairness;
mod inspect;
mod knowledge;
mod new;
mod plugins;
mod publish;
mod read;
mod remote;
mod requests;
mod serve;
mod stamp;
mod test;
mod troubles;
mod verdict;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::sandbox::Kind;

/// Customer automations as sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "attune", version, about, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server.
    Serve(serve::Serve),
    /// Begin a plugin.
    New(new::New),
    /// Build plugins into component files.
    Build(plugins::Build),
    /// Play plugins' scenarios on a virtual clock.
    Test(test::Test),
    /// Make and show keys that plugins are signed with.
    Key(publish::Key),
    /// Sign a component file.
    Sign(publish::Sign),
    /// Push a component file to a registry.
    Push(publish::Push),
    /// Pull a component file from a registry.
    Pull(publish::Pull),
    /// Try plugins while you write them: they are swapped on save, and you are the customer.
    Dev(dev::Dev),
    /// Check what Attune and its plugins' languages need, and say what to do.
    Doctor(doctor::Doctor),
    /// Print what makes a shell complete this program's commands.
    Completions(completions::Completions),
    /// Show what a component file is, subscribes to and asks for.
    Inspect(inspect::Inspect),
    /// Have a component file handle an event, and show what it does.
    Call(call::Call),
    /// Show what changes from one component file to another.
    Diff(diff::Diff),
    /// Print the JSON Schema of an author's files, for editors.
    Schema(inspect::Schema),
    /// Read texts on standard input: mood and intents, a line of JSON for each.
    Read(read::ReadTexts),
    /// Send events to a server.
    Event(remote::Event),
    /// List, install and set up a business's plugins.
    Plugin(remote::Plugin),
    /// Connect a vendor: set up its plugin, say what to paste there, and show what it sends.
    Connect(connect::Connect),
    /// Show what you should look at now, and what to do about it.
    Troubles(troubles::Troubles),
    /// Import questions and answers, and try which answer a question finds.
    Knowledge(knowledge::Knowledge),
    /// Tell why a message was or was not sent.
    Why(remote::Why),
    /// Pause everything automated, at once.
    Pause(brake::Pause),
    /// Let automations go on.
    Resume(brake::Resume),
    /// Export, merge and erase customers.
    Customer(customers::Customer),
    /// Tell who looked at what, and who changed it; whether people are read alike.
    Audit(customers::Audit),
    /// Make, list and take back access tokens.
    Token(remote::Token),
    /// Build the plugin in a folder, print where its file is, and give up when standard input ends; for this program's own use.
    #[command(hide = true)]
    BuildOne {
        /// The folder.
        folder: std::path::PathBuf,
        /// Where the file goes.
        out: std::path::PathBuf,
    },
    /// Compile the component on standard input; for this program's own use.
    #[command(hide = true)]
    Compile {
        /// The most memory that it may take, in bytes.
        memory_bytes: u64,
        /// The most computing, in seconds.
        computing_s: u64,
        /// It has a language's runtime in it.
        #[arg(long)]
        roomy: bool,
    },
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For scripts: one JSON document.
    Json,
}

/// Ends the program without a word when whoever reads its output has gone, as in `attune inspect FILE | head -1`: printing then
/// panics.
fn quiet_when_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload_as_str().unwrap_or_default();
        if said.starts_with("failed printing to stdout") && said.contains("Broken pipe") {
            // What a shell makes of a program that the system ended for this.
            std::process::exit(141);
        }
        usual(panic);
    }));
}

/// Runs the program.
pub fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "warn,attune=info,oci_client=off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    quiet_when_nobody_reads();
    let result = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::New(new) => new.run(),
        Command::Build(build) => build.run(),
        Command::Test(test) => test.run(),
        Command::Dev(dev) => dev.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Completions(completions) => completions.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Key(key) => key.run(),
        Command::Sign(sign) => sign.run(),
        Command::Push(push) => push.run(),
        Command::Pull(pull) => pull.run(),
        Command::Call(call) => call.run(),
        Command::Diff(diff) => diff.run(),
        Command::Schema(schema) => schema.run(),
        Command::Read(read) => read.run(),
        Command::Event(event) => event.run(),
        Command::Plugin(plugin) => plugin.run(),
        Command::Connect(connect) => connect.run(),
        Command::Troubles(troubles) => troubles.run(),
        Command::Knowledge(knowledge) => knowledge.run(),
        Command::Why(why) => why.run(),
        Command::Pause(pause) => pause.run(),
        Command::Resume(resume) => resume.run(),
        Command::Customer(customer) => customer.run(),
        Command::Audit(audit) => audit.run(),
        Command::Token(token) => token.run(),
        Command::BuildOne { folder, out } => plugins::build_one(&folder, &out),
        Command::Compile { memory_bytes, computing_s, roomy } => {
            let kind = if roomy { Kind::Roomy } else { Kind::Lean };
            crate::sandbox::compile::child(kind, memory_bytes, computing_s).map(|()| ExitCode::SUCCESS)
        }
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
