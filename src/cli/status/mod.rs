//! `pichat status`: state of the device for a person at its screen, once or continuously.

mod device;
mod journal;
mod qr;
mod screen;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use crate::types::Lang;

use super::exit::Failure;
use super::print::say;
use device::DeviceStatus;
use journal::Journal;

/// Interval of reading the device.
const LOOK: Duration = Duration::from_secs(2);
/// Interval of redrawing an unchanged screen, which the kernel may have overwritten.
const REDRAW: Duration = Duration::from_secs(300);
/// Clears the screen and hides the cursor (ECMA-48; the Linux console and every terminal program know these).
const CLEAR: &str = "\x1b[?25l\x1b[H\x1b[2J\x1b[3J";

#[derive(Args)]
pub(super) struct StatusCommand {
    #[arg(long)]
    watch: bool,
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
}

impl StatusCommand {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        let device = DeviceStatus::at(&self.root);
        let mut journal = Journal::default();
        if !self.watch {
            let look = device.look();
            say(screen::draw(&look, &journal.errors(), look.language(lang)));
            return Ok(());
        }
        let (mut shown, mut drawn) = (String::new(), Instant::now());
        loop {
            let look = device.look();
            let screen = screen::draw(&look, &journal.errors(), look.language(lang));
            if screen != shown || drawn.elapsed() >= REDRAW {
                // If the screen is gone (an unplugged serial line), the command ends and systemd starts it
                // again.
                let mut out = io::stdout().lock();
                writeln!(out, "{CLEAR}{screen}").and_then(|()| out.flush()).map_err(Failure::Screen)?;
                (shown, drawn) = (screen, Instant::now());
            }
            thread::sleep(LOOK);
        }
    }
}
