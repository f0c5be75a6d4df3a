//! `pichat prove-ephemeral`: searches for what was said in a room after its messages were wiped. Two servers
//! of its own, plain and TLS, hold the conversations.

mod canary;
mod files;
mod findings;
mod memory;
mod needles;
mod plant;
mod talker;
mod trial;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use clap::Args;

use crate::app::open_data_dir;
use crate::types::Lang;
use crate::types::crypto::{hex, random};
use crate::types::texts::key;

use super::child_server::{Folder, WORK};
use super::exit::Failure;
use super::owner::become_owner;
use super::print::say;
use super::usage::Expected;

use self::canary::{Canaries, TextForm};
use self::files::Searched;
pub(super) use self::findings::EphemeralVerdict;
use self::findings::{RemainsReport, SearchPlace};
use self::needles::{Marks, Needles, SearchExtent};
use self::plant::Plant;
use self::trial::{TIMED, Trial};

/// Time after which a wiped text may not be there: the server looks once a second, and this search takes a
/// part of one.
const PATIENCE: Duration = Duration::from_secs(6);
/// Time between two searches.
const AGAIN: Duration = Duration::from_millis(250);
/// Begin of the run is this much earlier for files: their times are coarse, the journal's above all.
const COARSE: Duration = Duration::from_secs(60);
/// Longest time until the wipe, in minutes.
const MOST_MINUTES: u64 = 60;
/// Time for starts, conversations and searches, for the announcement.
const OVERHEAD: u64 = 20;

#[derive(Args)]
pub(super) struct ProveEphemeral {
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[arg(long, value_name = "MINUTES", default_value = "1", value_parser = minutes)]
    wipe_minutes: u64,
    #[arg(long, value_name = "PLACE", value_parser = Plant::parse)]
    plant: Option<Plant>,
}

fn minutes(text: &str) -> Result<u64, Expected> {
    let minutes = text.parse().ok().filter(|minutes| *minutes <= MOST_MINUTES);
    minutes.ok_or(Expected(key::CLI_EXPECTED_MINUTES))
}

impl ProveEphemeral {
    pub(super) fn run(self, lang: Lang) -> Result<(), Failure> {
        if let Some(folder) = &self.data_dir {
            become_owner(folder)?;
            open_data_dir(folder).map_err(Failure::from)?;
        }
        let seconds = self.wipe_minutes * 60 + OVERHEAD;
        say(key::PROVE_START.fill(lang, &[("seconds", &seconds)]));
        let findings = self.prove(lang).map_err(Failure::Proof)?;
        findings.lines(lang).iter().for_each(say);
        match findings.verdict() {
            verdict @ EphemeralVerdict::Proved => {
                say(format_args!("\n{}", verdict.text().get(lang)));
                Ok(())
            }
            verdict => Err(Failure::NotProved(verdict)),
        }
    }

    /// Holds the conversations, ends their rooms, and searches before, in between and afterwards.
    fn prove(&self, lang: Lang) -> io::Result<RemainsReport> {
        let parent = self.data_dir.clone().unwrap_or_else(std::env::temp_dir);
        let folder = Folder::make(&parent, &format!(".pichat-prove-{}", hex(&random::<8>())))?;
        let canaries = Canaries::draw();
        let mut search = Search {
            needles: Needles::new(canaries.tag()),
            since: SystemTime::now() - COARSE,
            findings: RemainsReport::default(),
            lang,
        };
        search.control_file(folder.path(), &canaries)?;
        let mut trials = Vec::new();
        for (letter, name) in [('p', "plain"), ('t', "tls")] {
            let begin =
                Trial::begin(letter, &folder.path().join(name), &canaries, self.wipe_minutes, self.plant);
            trials.push(begin?);
        }
        search.control(&trials);
        search.files(&trials);
        for trial in &mut trials {
            trial.end_rooms()?;
        }
        let wiped = Instant::now() + Duration::from_secs(self.wipe_minutes * 60);
        search.memory(&trials, |id| id[1] == TIMED.0 as u8);
        Trial::wait(&mut trials, wiped)?;
        if let (Some(plant), Some(trial)) = (self.plant, trials.first()) {
            plant.write(&trial.folder, &trial.log(), &canaries)?;
        }
        search.memory(&trials, |_| false);
        search.files(&trials);
        for trial in &mut trials {
            trial.sign_out()?;
        }
        search.memory(&trials, |_| false);
        for trial in &mut trials {
            trial.server.stop()?;
        }
        search.files(&trials);
        Ok(search.findings)
    }
}

/// Searches of one run.
struct Search {
    needles: Needles,
    /// Begin of the run.
    since: SystemTime,
    findings: RemainsReport,
    lang: Lang,
}

impl Search {
    /// Checks that a mark in a file is found, and removes the file.
    fn control_file(&mut self, folder: &Path, canaries: &Canaries) -> io::Result<()> {
        let file = folder.join("control");
        std::fs::write(&file, canaries.mark('p', 'c', TextForm::Control))?;
        let mut marks = Marks::new();
        files::search(&file, &self.needles, &mut marks)?;
        self.findings.control(0, marks.is_empty());
        std::fs::remove_file(&file)
    }

    /// Checks that the messages are found while members can read them.
    fn control(&mut self, trials: &[Trial]) {
        for trial in trials {
            let mut marks = Marks::new();
            match memory::search(trial.server.pid(), &self.needles, &mut marks) {
                Ok(_) => {
                    let missed = trial.kept().iter().any(|kept| !marks.keys().any(|(id, ..)| id == kept));
                    self.findings.control(marks.values().sum(), missed);
                }
                Err(error) => self.leave_out_memory(trial, &error),
            }
        }
    }

    /// Searches the memory of the servers until only texts that may be there are left, or patience ends.
    fn memory(&mut self, trials: &[Trial], may_remain: impl Fn(&[u8; 4]) -> bool) {
        let until = Instant::now() + PATIENCE;
        for trial in trials {
            loop {
                let mut marks = Marks::new();
                let searched = memory::search(trial.server.pid(), &self.needles, &mut marks);
                marks.retain(|(id, ..), _| !may_remain(id));
                match searched {
                    Ok(_) if !marks.is_empty() && Instant::now() < until => {}
                    Ok(extent) => break self.findings.add(memory_of(trial), extent, marks),
                    Err(error) => break self.leave_out_memory(trial, &error),
                }
                std::thread::sleep(AGAIN);
            }
        }
    }

    fn leave_out_memory(&mut self, trial: &Trial, error: &io::Error) {
        let part = format!("/proc/{}/mem", trial.server.pid());
        self.findings.leave_out(memory_of(trial), part, error, self.lang);
    }

    /// Searches all files: data, logs, core files, swap.
    fn files(&mut self, trials: &[Trial]) {
        let data: Vec<_> = trials.iter().map(|trial| trial.folder.join("data")).collect();
        let logs: Vec<_> = trials.iter().map(Trial::log).collect();
        self.paths(SearchPlace::Data, &data, None);
        self.paths(SearchPlace::ServerLog, &logs, None);
        self.paths(SearchPlace::SystemLog, &files::system_logs(), Some(self.since));
        match std::fs::read_to_string("/proc/sys/kernel/core_pattern") {
            Ok(pattern) => {
                let folders =
                    trials.iter().flat_map(|trial| files::core_folders(&pattern, &trial.folder.join(WORK)));
                self.paths(SearchPlace::Cores, &folders.collect::<Vec<_>>(), Some(self.since));
            }
            Err(error) => {
                self.findings.leave_out(SearchPlace::Cores, "core_pattern".to_owned(), &error, self.lang);
            }
        }
        self.swap();
    }

    fn paths(&mut self, place: SearchPlace, paths: &[PathBuf], since: Option<SystemTime>) {
        let (mut searched, mut marks) = (Searched::default(), Marks::new());
        for path in paths {
            searched.add(path, since, &self.needles, &mut marks);
        }
        self.findings.add(place, searched.extent, marks);
        for (path, error) in searched.failed {
            self.findings.leave_out(place, path.display().to_string(), &error, self.lang);
        }
    }

    fn swap(&mut self) {
        // Without this file the kernel has no swap.
        let swaps = std::fs::read_to_string("/proc/swaps").unwrap_or_default();
        self.findings.add(SearchPlace::Swap, SearchExtent::default(), Marks::new());
        for path in files::swaps(&swaps) {
            let mut marks = Marks::new();
            match files::search(&path, &self.needles, &mut marks) {
                Ok(extent) => self.findings.add(SearchPlace::Swap, extent, marks),
                Err(error) => {
                    self.findings.leave_out(SearchPlace::Swap, path.display().to_string(), &error, self.lang);
                }
            }
        }
    }
}

const fn memory_of(trial: &Trial) -> SearchPlace {
    if trial.letter == 't' { SearchPlace::MemoryTls } else { SearchPlace::Memory }
}
