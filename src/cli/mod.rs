//! The command line: one file per command.

mod appliance;
mod ca;
mod caller;
mod causes;
mod check;
mod claim;
mod demo;
mod exit;
mod files;
mod last_good;
mod metrics_token;
mod owner;
mod password;
mod restore;
mod selftest;
mod serve;
mod server;
mod status;
mod tune;
mod user;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use zeroize::Zeroizing;

use crate::config::{self, Config, ConfigError, Overrides};
use crate::types::{Lang, printable_lines};

/// Chat y archivos de la red local · Chat and files of the local network
#[derive(Parser)]
#[command(name = "pichat", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Demostración con cuentas conocidas, solo en este computador · Demonstration with known accounts, this computer only
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
    /// Mide Argon2id en este equipo y propone parámetros · Measures Argon2id on this device and proposes parameters
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

/// Settings file and data folder.
#[derive(Args, Clone)]
struct ConfigSource {
    /// Archivo de configuración · Settings file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Carpeta de datos · Data folder
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Values of the command line that override the settings.
#[derive(Clone, Copy, Default)]
struct Flags {
    listen: Option<SocketAddr>,
    tls_listen: Option<SocketAddr>,
    /// Plain HTTP unless the settings set a mode.
    plain: bool,
}

impl ConfigSource {
    fn load(&self, flags: Flags) -> Result<Config, ConfigError> {
        Ok(self.load_text(flags)?.0)
    }

    /// Loads the settings with the text of their file, if there is one.
    fn load_text(&self, flags: Flags) -> Result<(Config, Option<Zeroizing<String>>), ConfigError> {
        let text = self.config.as_deref().map(|file| config::read(file, file).map(Zeroizing::new)).transpose()?;
        Ok((self.parse(text.as_ref().map_or("", |text| text), flags)?, text))
    }

    /// Parses a text as if it were the file's.
    fn parse(&self, text: &str, flags: Flags) -> Result<Config, ConfigError> {
        let env: Vec<_> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        let Flags { listen, tls_listen, plain } = flags;
        let overrides = Overrides { listen, tls_listen, data_dir: self.data_dir.clone(), plain };
        Config::parse(text, self.config.as_deref().unwrap_or(Path::new("")), &env, overrides)
    }
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

/// Prints to standard output, without control characters for a terminal.
#[allow(clippy::print_stdout, reason = "this is what the command is for")]
fn say(text: impl std::fmt::Display) {
    println!("{}", printable_lines(&text.to_string()));
}

/// Prints a notice to standard error.
#[allow(clippy::print_stderr, reason = "warnings of a command belong there")]
fn warn(text: impl std::fmt::Display) {
    eprintln!("pichat: {}", printable_lines(&text.to_string()));
}
