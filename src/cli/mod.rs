//! The command line: one file per command.

mod appliance;
mod ca;
mod caller;
mod causes;
mod check;
mod claim;
mod config_source;
mod demo;
mod exit;
mod files;
mod last_good;
mod metrics_token;
mod owner;
mod password;
mod print;
mod restore;
mod selftest;
mod serve;
mod server;
mod status;
mod tune;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::types::Lang;

/// Chat y archivos de la red local · Chat and files of the local network
#[derive(Parser)]
#[command(name = "pichat", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Demostración con cuentas conocidas, solo en este computador · Demonstration with known accounts, this
    /// computer only
    Demo(demo::Demo),
    /// El servidor · The server
    Serve(serve::Serve),
    /// Cuentas: crear, cambiar, bloquear · Accounts: create, change, lock
    #[command(subcommand)]
    User(user::User),
    /// La activación de PiChat: mostrar, cerrar · The setup of PiChat: show, close
    Claim(claim::ClaimCommand),
    /// Archivos: los que perdieron su registro, la carpeta · Files: those without a record, the folder
    #[command(subcommand)]
    Files(files::FilesCommand),
    /// Vuelve a la base de datos de antes de una actualización · Goes back to the database from before an
    /// upgrade
    RestoreSnapshot(restore::Restore),
    /// Autoridad de certificados de este equipo · Certificate authority of this device
    #[command(subcommand)]
    Ca(ca::Ca),
    /// Token con el que un programa lee /api/metrics · Token for a program to read /api/metrics
    MetricsToken(metrics_token::MetricsToken),
    /// Revisa un archivo de configuración · Checks a settings file
    Check(check::Check),
    /// Mide Argon2id en este equipo y propone parámetros · Measures Argon2id on this device and proposes
    /// parameters
    Tune(tune::Tune),
    /// Cuántas personas aguanta este equipo, en menos de un minuto · How many people this device supports, in
    /// under a minute
    Selftest(selftest::SelfTest),
    /// Estado de PiChat: direcciones, código de activación, reloj, disco · State of PiChat: addresses, setup
    /// code, clock, disk
    Status(status::StatusCommand),
    /// La tarjeta: pasos del arranque · The card: steps of the boot
    #[command(subcommand)]
    Appliance(appliance::Appliance),
}

/// Runs the program and returns the exit code of [`exit`].
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Database, key and files are private, also in a folder that PiChat did not make.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let lang = Lang::from_env();
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
        Command::Status(status) => status.run(lang),
        Command::Appliance(appliance) => appliance.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(lang),
    }
}
