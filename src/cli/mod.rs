//! The command line: one file per command.

mod appliance;
mod ca;
mod caller;
mod causes;
mod check;
mod child_server;
mod claim;
mod config_source;
mod demo;
mod exit;
mod files;
mod help;
mod last_good;
mod metrics_token;
mod owner;
mod password;
mod print;
mod prove_ephemeral;
mod restore;
mod selftest;
mod serve;
mod server;
mod status;
mod tune;
mod usage;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::types::Lang;

#[derive(Parser)]
#[command(name = "pichat", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    #[command(subcommand)]
    User(user::User),
    Claim(claim::ClaimCommand),
    #[command(subcommand)]
    Files(files::FilesCommand),
    RestoreSnapshot(restore::Restore),
    #[command(subcommand)]
    Ca(ca::Ca),
    MetricsToken(metrics_token::MetricsToken),
    Check(check::Check),
    Tune(tune::Tune),
    Selftest(selftest::SelfTest),
    ProveEphemeral(prove_ephemeral::ProveEphemeral),
    Status(status::StatusCommand),
    #[command(subcommand)]
    Appliance(appliance::Appliance),
}

/// Runs the program and returns the exit code of [`exit`].
pub fn main() -> ExitCode {
    let lang = Lang::from_env();
    let cli = match usage::parse(std::env::args_os(), lang) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // Database, key and files are private, also in a folder that PiChat did not make.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let result = match cli.command {
        Command::Demo(demo) => demo.run(lang),
        Command::Serve(serve) => serve.run(lang),
        Command::User(user) => user.run(lang),
        Command::Claim(claim) => claim.run(lang),
        Command::Files(files) => files.run(lang),
        Command::RestoreSnapshot(restore) => restore.run(lang),
        Command::Ca(ca) => ca.run(lang),
        Command::MetricsToken(token) => token.run(lang),
        Command::Check(check) => check.run(lang),
        Command::Tune(tune) => tune.run(lang),
        Command::Selftest(selftest) => selftest.run(lang),
        Command::ProveEphemeral(prove) => prove.run(lang),
        Command::Status(status) => status.run(lang),
        Command::Appliance(appliance) => appliance.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(lang),
    }
}
