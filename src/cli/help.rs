//! Help of the commands, from the files of texts. Keys are found by name: `cli.help.user.add` for a command,
//! `cli.help.files.adopt.id` for an argument of one command, `cli.arg.config` for an argument of several.

use clap::{Arg, ArgAction, Command};

use crate::accounts::tune::DEFAULT_TARGET;
use crate::types::Lang;
use crate::types::texts::{Key, key};

/// Returns the command with all its texts in `lang`.
pub(super) fn localized(command: Command, lang: Lang) -> Command {
    of_command(command.disable_version_flag(true).arg(version()), "cli.help", lang)
        .disable_help_subcommand(true)
        .subcommand_required(true)
}

/// Translates the marks that clap writes into a line of usage.
pub(super) fn translated(help: &str, lang: Lang) -> String {
    let options = Key::named("cli.value.options").map_or("", |options| options.get(lang));
    help.replace("[OPTIONS]", &format!("[{options}]"))
}

fn version() -> Arg {
    Arg::new("version").short('V').long("version").action(ArgAction::Version)
}

fn of_command(command: Command, path: &str, lang: Lang) -> Command {
    let about = text(path).map_or("", |about| about.get(lang));
    let usage = key::CLI_USAGE_USAGE.get(lang);
    let subcommand = Key::named("cli.value.command").map_or("", |command| command.get(lang));
    command
        .about(about)
        .help_template(format!("{{about-with-newline}}\n{usage} {{usage}}\n\n{{all-args}}"))
        .subcommand_help_heading(key::CLI_USAGE_COMMANDS.get(lang))
        .subcommand_value_name(subcommand)
        .disable_help_flag(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help))
        .mut_args(|arg| of_argument(arg, path, lang))
        .mut_subcommands(|command| {
            let path = format!("{path}.{}", command.get_name());
            of_command(command, &path, lang)
        })
}

fn of_argument(arg: Arg, path: &str, lang: Lang) -> Arg {
    let heading = if arg.is_positional() { key::CLI_USAGE_ARGUMENTS } else { key::CLI_USAGE_OPTIONS };
    let name = arg.get_value_names().and_then(<[_]>::first).map(|name| name.to_ascii_lowercase());
    let name = name.and_then(|name| text(&format!("cli.value.{}", name.replace(':', "_"))));
    let arg = match name {
        Some(name) => arg.value_name(name.get(lang)),
        None => arg,
    };
    let help = help_of(&arg, path).map(|help| {
        // Only `tune` has a default to show; clap would say so in English.
        help.fill(lang, &[("default", &DEFAULT_TARGET.as_millis())])
    });
    let takes_value = arg.get_action().takes_values();
    let arg = arg.help(help.unwrap_or_default()).help_heading(heading.get(lang));
    if takes_value { arg.hide_default_value(true) } else { arg }
}

fn help_of(arg: &Arg, path: &str) -> Option<Key> {
    let id = arg.get_id();
    text(&format!("{path}.{id}")).or_else(|| text(&format!("cli.arg.{id}")))
}

/// Finds a text; names of commands have hyphens, keys do not.
fn text(name: &str) -> Option<Key> {
    Key::named(&name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;

    /// Names of the keys of a command, its arguments and its subcommands.
    fn keys(command: &Command, path: &str, into: &mut BTreeSet<String>) {
        assert!(text(path).is_some(), "{path} has no help");
        into.insert(path.replace('-', "_"));
        for arg in command.get_arguments() {
            let id = arg.get_id();
            let own = format!("{path}.{id}").replace('-', "_");
            let shared = format!("cli.arg.{id}");
            assert!(help_of(arg, path).is_some(), "{own} has no help");
            into.insert(if text(&own).is_some() { own } else { shared });
            for name in
                arg.get_value_names().into_iter().flatten().filter(|_| arg.get_action().takes_values())
            {
                let name = format!("cli.value.{}", name.to_ascii_lowercase().replace(':', "_"));
                assert!(text(&name).is_some(), "{path}.{id}: {name} is missing");
                into.insert(name);
            }
        }
        for command in command.get_subcommands() {
            keys(command, &format!("{path}.{}", command.get_name()), into);
        }
    }

    #[test]
    fn every_command_has_help_and_every_help_its_command() {
        let mut used: BTreeSet<_> =
            ["cli.arg.help", "cli.arg.version", "cli.value.command", "cli.value.options"]
                .map(str::to_owned)
                .into();
        keys(&super::super::Cli::command(), "cli.help", &mut used);
        let texts: serde_json::Map<_, _> =
            serde_json::from_str(include_str!("../../assets/texts/es.json")).expect("JSON");
        let by_name = |key: &str| ["cli.help", "cli.arg.", "cli.value."].iter().any(|p| key.starts_with(p));
        let there: BTreeSet<_> = texts.keys().filter(|key| by_name(key)).cloned().collect();
        assert_eq!(used, there);
    }

    #[test]
    fn help_is_in_one_language() {
        for (lang, words) in [
            (Lang::Es, ["Uso: pichat user add [OPCIONES] --role <ROL> <NOMBRE>", "Argumentos:", "Opciones:"]),
            (Lang::En, ["Usage: pichat user add [OPTIONS] --role <ROLE> <NAME>", "Arguments:", "Options:"]),
        ] {
            let command = localized(super::super::Cli::command(), lang);
            let help = command.try_get_matches_from(["pichat", "user", "add", "--help"]).expect_err("help");
            let help = translated(&help.to_string(), lang);
            for words in words {
                assert!(help.contains(words), "{words:?} is missing in: {help}");
            }
            assert!(!help.contains("Print"), "{help}");
        }
    }
}
