//! Errors of the command line. clap finds them; the sentences are in the files of texts.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _, FromArgMatches as _};

use crate::types::texts::{Key, key};
use crate::types::{Lang, Role, UserName, printable_lines};

use super::{Cli, help};

/// Exit code of wrong arguments, as clap has it.
const USAGE: u8 = 2;

/// A value does not have the form of the argument; the text shows the value and the form.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{}", .0.get(Lang::En))]
pub(super) struct Expected(pub(super) Key);

pub(super) fn user_name(text: &str) -> Result<UserName, Expected> {
    text.parse().map_err(|_| Expected(key::CLI_EXPECTED_USER_NAME))
}

pub(super) fn role(text: &str) -> Result<Role, Expected> {
    text.parse().map_err(|_| Expected(key::CLI_EXPECTED_ROLE))
}

pub(super) fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().map_err(|_| Expected(key::CLI_EXPECTED_ADDRESS))
}

/// Parses the arguments of the program. Help, version and errors are printed; the code is the program's.
pub(super) fn parse(args: impl Iterator<Item = OsString>, lang: Lang) -> Result<Cli, ExitCode> {
    let args = help_last(args.collect());
    let command = help::localized(Cli::command(), lang);
    let parsed =
        command.clone().try_get_matches_from(&args).and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| report(&error, &command_line(&command, &args), lang))
}

/// Rewrites `pichat help user add` as `pichat user add --help`.
fn help_last(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_some_and(|first| first == "help") {
        args.remove(1);
        args.push("--help".into());
    }
    args
}

/// Returns the program and the commands that the arguments name, such as `pichat user add`.
fn command_line(command: &Command, args: &[OsString]) -> String {
    let (mut command, mut line) = (command, command.get_name().to_owned());
    for arg in args.iter().skip(1) {
        let Some(next) = command.find_subcommand(arg) else { break };
        line = format!("{line} {}", next.get_name());
        command = next;
    }
    line
}

#[allow(clippy::print_stderr, clippy::print_stdout, reason = "help belongs there, and errors of a command")]
fn report(error: &clap::Error, command: &str, lang: Lang) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print!("{}", help::translated(&error.to_string(), lang));
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            eprint!("{}", help::translated(&error.to_string(), lang));
            ExitCode::from(USAGE)
        }
        _ => {
            eprintln!("pichat: {}", printable_lines(&text(error, command, lang)));
            ExitCode::from(USAGE)
        }
    }
}

/// Returns the fault, a suggestion if clap has one, and the way to the help.
fn text(error: &clap::Error, command: &str, lang: Lang) -> String {
    let get = |kind| error.get(kind).map(ContextValue::to_string).unwrap_or_default();
    let arg = get(ContextKind::InvalidArg);
    let other = get(ContextKind::PriorArg);
    let value = match error.kind() {
        ErrorKind::InvalidSubcommand => get(ContextKind::InvalidSubcommand),
        _ => get(ContextKind::InvalidValue),
    };
    let fault = match error.kind() {
        ErrorKind::ValueValidation => expected(error).unwrap_or(key::CLI_USAGE_VALUE),
        ErrorKind::InvalidValue if value.is_empty() => key::CLI_USAGE_MISSING_VALUE,
        ErrorKind::InvalidValue => key::CLI_USAGE_VALUE,
        ErrorKind::InvalidSubcommand => key::CLI_USAGE_UNKNOWN_COMMAND,
        ErrorKind::UnknownArgument => key::CLI_USAGE_UNKNOWN_ARGUMENT,
        ErrorKind::MissingRequiredArgument => key::CLI_USAGE_MISSING_ARGUMENT,
        ErrorKind::MissingSubcommand => key::CLI_USAGE_MISSING_COMMAND,
        ErrorKind::TooManyValues => key::CLI_USAGE_EXTRA_VALUE,
        ErrorKind::ArgumentConflict if arg == other => key::CLI_USAGE_TWICE,
        ErrorKind::ArgumentConflict => key::CLI_USAGE_CONFLICT,
        ErrorKind::InvalidUtf8 => key::CLI_USAGE_NOT_UTF8,
        _ => key::CLI_USAGE_OTHER,
    };
    let values: [(_, &dyn fmt::Display); 4] = [
        ("arg", &arg),
        ("other", &other),
        ("value", &value),
        ("commands", &get(ContextKind::ValidSubcommand)),
    ];
    let mut sentences = vec![fault.fill(lang, &values)];
    sentences.extend(suggestion(error).map(|name| key::CLI_USAGE_HINT.fill(lang, &[("name", &name)])));
    sentences.push(key::CLI_USAGE_HELP.fill(lang, &[("command", &command)]));
    sentences.join(" ")
}

/// Returns the text of a value that one of our parsers refused.
fn expected(error: &clap::Error) -> Option<Key> {
    std::error::Error::source(error)?.downcast_ref::<Expected>().map(|expected| expected.0)
}

/// Returns the nearest name that clap found. It sorts several by likeness, the best last.
fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    kinds.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::Strings(names) => names.last().cloned(),
        ContextValue::String(name) => Some(name.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(args: &str, lang: Lang) -> String {
        let args: Vec<OsString> = args.split(' ').map(OsString::from).collect();
        let command = help::localized(Cli::command(), lang);
        let line = command_line(&command, &args);
        let error = command
            .try_get_matches_from(args)
            .and_then(|matches| Cli::from_arg_matches(&matches))
            .map(drop)
            .expect_err("an error");
        text(&error, &line, lang)
    }

    #[test]
    fn faults_are_told_in_each_language() {
        for (args, es, en) in [
            (
                "pichat usr",
                "la orden «usr» no existe. ¿Quisiste decir «user»? Mira «pichat --help».",
                "there is no command “usr”. Did you mean “user”? See “pichat --help”.",
            ),
            (
                "pichat serve --lisen 1",
                "aquí no se puede usar «--lisen». ¿Quisiste decir «--listen»? Mira «pichat serve --help».",
                "“--lisen” cannot be used here. Did you mean “--listen”? See “pichat serve --help”.",
            ),
            (
                "pichat user add ana",
                "falta --role <ROL>. Mira «pichat user add --help».",
                "--role <ROLE> is missing. See “pichat user add --help”.",
            ),
            (
                "pichat user add x!y --role usuario",
                "«x!y» no puede ser un nombre de usuario: usa hasta 32 letras, números, puntos, guiones o guiones bajos, \
                 sin espacios. Mira «pichat user add --help».",
                "“x!y” cannot be a user name: use up to 32 letters, digits, dots, hyphens, or underscores, and no spaces. \
                 See “pichat user add --help”.",
            ),
            (
                "pichat user role ana boss",
                "«boss» no es un rol; elige administrator, cliente o usuario. Mira «pichat user role --help».",
                "“boss” is not a role; choose administrator, cliente, or usuario. See “pichat user role --help”.",
            ),
            (
                "pichat serve --listen x",
                "«x» no es una dirección IP con su puerto; escribe una como 127.0.0.1:8080 o [::]:8080. \
                 Mira «pichat serve --help».",
                "“x” is not an IP address with a port; use one such as 127.0.0.1:8080 or [::]:8080. \
                 See “pichat serve --help”.",
            ),
            (
                "pichat tune --target-ms 9",
                "«9» no es un tiempo válido; usa de 10 a 5000 milisegundos. Mira «pichat tune --help».",
                "“9” is not a valid time; use 10 to 5000 milliseconds. See “pichat tune --help”.",
            ),
            (
                "pichat prove-ephemeral --wipe-minutes 61",
                "«61» no es un tiempo válido; usa de 0 a 60 minutos. Mira «pichat prove-ephemeral --help».",
                "“61” is not a valid time; use 0 to 60 minutes. See “pichat prove-ephemeral --help”.",
            ),
            (
                "pichat prove-ephemeral --plant here",
                "«here» no es un lugar; elige file, database, log, memory o core. \
                 Mira «pichat prove-ephemeral --help».",
                "“here” is not a place; choose file, database, log, memory, or core. \
                 See “pichat prove-ephemeral --help”.",
            ),
            (
                "pichat user passwd ana --one-time --password-stdin",
                "«--one-time» y «--password-stdin» no se pueden usar juntos. Mira «pichat user passwd --help».",
                "“--one-time” and “--password-stdin” cannot be used together. See “pichat user passwd --help”.",
            ),
            (
                "pichat serve --config a --config b",
                "«--config <ARCHIVO>» se puede dar una sola vez. Mira «pichat serve --help».",
                "“--config <FILE>” can be given only once. See “pichat serve --help”.",
            ),
            (
                "pichat serve --config",
                "a «--config <ARCHIVO>» le falta su valor. Mira «pichat serve --help».",
                "“--config <FILE>” needs a value. See “pichat serve --help”.",
            ),
            (
                "pichat status --watch=yes",
                "«yes» sobra: «--watch» no recibe un valor. Mira «pichat status --help».",
                "“yes” is not expected: “--watch” takes no value. See “pichat status --help”.",
            ),
        ] {
            assert_eq!((said(args, Lang::Es).as_str(), said(args, Lang::En).as_str()), (es, en), "{args}");
        }
    }

    #[test]
    fn help_command_is_the_help_flag() {
        let args = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(help_last(args("pichat help user add")), args("pichat user add --help"));
        assert_eq!(help_last(args("pichat user help")), args("pichat user help"));
    }
}
