//! `pichat tune`: measures Argon2id on this board.

use std::time::Duration;

use clap::Args;

use crate::accounts::tune::{DEFAULT_TARGET, on_this_board};
use crate::types::{Lang, Localized};

use super::exit::Failure;
use super::print::say;

#[derive(Args)]
pub(super) struct Tune {
    /// Tiempo por contraseña, en milisegundos · Time per password, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = DEFAULT_TARGET.as_millis() as u64, value_parser = clap::value_parser!(u64).range(10..=5000))]
    target_ms: u64,
}

impl Tune {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let target = Duration::from_millis(self.target_ms);
        let tuned = on_this_board(target);
        for row in &tuned.measured {
            say(format_args!("# {:<22} {:>8.1} ms", row.params.to_string(), row.time.as_secs_f64() * 1e3));
        }
        if tuned.chosen.time > target {
            let text = Localized::new(
                "# Más rápido sería menos seguro que el mínimo de OWASP.",
                "# Faster would be less safe than OWASP's minimum.",
            );
            say(text.get(lang));
        }
        say("[accounts]");
        say(format_args!("argon2 = \"{}\"", tuned.chosen.params));
        Ok(())
    }
}
