//! `pichat tune`: measures Argon2id on this board.

use std::time::Duration;

use clap::Args;

use crate::accounts::tune::{DEFAULT_TARGET, on_this_board};
use crate::types::Lang;
use crate::types::texts::key;

use super::exit::Failure;
use super::print::say;
use super::usage::Expected;

#[derive(Args)]
pub(super) struct Tune {
    #[arg(long, value_name = "MS", default_value_t = DEFAULT_TARGET.as_millis() as u64, value_parser = milliseconds)]
    target_ms: u64,
}

fn milliseconds(text: &str) -> Result<u64, Expected> {
    let time = text.parse().ok().filter(|time| (10..=5000).contains(time));
    time.ok_or(Expected(key::CLI_EXPECTED_MILLISECONDS))
}

impl Tune {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let target = Duration::from_millis(self.target_ms);
        let tuned = on_this_board(target);
        for row in &tuned.measured {
            say(format_args!("# {:<22} {:>8.1} ms", row.params.to_string(), row.time.as_secs_f64() * 1e3));
        }
        if tuned.chosen.time > target {
            let text = key::CLI_TUNE_OWASP;
            say(text.get(lang));
        }
        say("[accounts]");
        say(format_args!("argon2 = \"{}\"", tuned.chosen.params));
        Ok(())
    }
}
