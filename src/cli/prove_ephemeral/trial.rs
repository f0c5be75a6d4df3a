//! Conversation of two people on a server of its own, and the ends of their rooms.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cli::child_server::{ChildOptions, ChildServer};

use super::canary::{Canaries, REFUSED, SENT, TextForm, id};
use super::needles::Id;
use super::plant::Plant;
use super::talker::Talker;

/// Room that its members leave.
const LEFT: (char, &str) = ('l', "prueba-salen");
/// Room that its maker ends.
const ENDED: (char, &str) = ('e', "prueba-termina");
/// Room whose messages are wiped by time; its members stay.
pub(super) const TIMED: (char, &str) = ('t', "prueba-tiempo");
/// Room that `--plant memory` keeps.
const KEPT: (char, &str) = ('k', "prueba-sigue");
/// Room without members.
const FOREIGN: &str = "prueba-ajena";
/// Users of the demonstration.
const USERS: [(&str, &str); 2] = [("cliente", "cliente123"), ("usuario", "usuario123")];
/// Name of the clients.
const AGENT: &str = "pichat-prove-ephemeral";
/// Maximum messages until one is refused for its rate.
const MOST_AT_ONCE: usize = 500;
/// Interval of signs of life: a quarter of what the server waits.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// Server with two people.
pub(super) struct Trial {
    /// Transport in the numbers of its texts: `p` plain, `t` TLS.
    pub(super) letter: char,
    pub(super) folder: PathBuf,
    pub(super) server: ChildServer,
    cookies: Vec<String>,
    /// Sockets that stay open when their rooms end.
    staying: Vec<Talker>,
    /// Sockets of the room that is wiped by time.
    leaving: Vec<Talker>,
}

impl Trial {
    /// Starts a server and holds the conversations.
    pub(super) fn begin(
        letter: char,
        folder: &Path,
        canaries: &Canaries,
        wipe_minutes: u64,
        plant: Option<Plant>,
    ) -> io::Result<Self> {
        std::fs::create_dir(folder)?;
        // The most that the server ever logs.
        let settings = format!(
            "[audit]\nsyslog = \"stderr\"\nlevel = \"debug\"\n[chat]\nwipe_minutes = {wipe_minutes}\n"
        );
        let output = Some(File::create(log(folder))?);
        let tls = letter == 't';
        let server = ChildServer::start(ChildOptions { folder, settings: &settings, tls, output })?;
        let planted = canaries.mark(letter, 'd', TextForm::Planted);
        let agent = if plant == Some(Plant::Database) { &planted } else { AGENT };
        let mut trial = Self {
            letter,
            folder: folder.to_owned(),
            server,
            cookies: Vec::new(),
            staying: Vec::new(),
            leaving: Vec::new(),
        };
        for (name, password) in USERS {
            let cookie = trial.server.target.sign_in(name, password, agent)?;
            trial.staying.push(Talker::open(&trial.server.target, &cookie)?);
            trial.leaving.push(Talker::open(&trial.server.target, &cookie)?);
            trial.cookies.push(cookie);
        }
        converse(&mut trial.staying, canaries, letter, LEFT)?;
        converse(&mut trial.staying, canaries, letter, ENDED)?;
        // The other user speaks here, whose rate is not used yet.
        trial.leaving.reverse();
        converse(&mut trial.leaving, canaries, letter, TIMED)?;
        be_refused(&mut trial.staying, canaries, letter)?;
        if plant == Some(Plant::Memory) {
            let [_, second] = &mut trial.staying[..] else { return Err(io::ErrorKind::NotConnected.into()) };
            second.join(KEPT.1, "no es secreta")?;
            second.say(&canaries.send((letter, KEPT.0), KEPT.1, TextForm::Planted))?;
            second.wait_for("sent")?;
        }
        Ok(trial)
    }

    /// Returns the numbers of the texts that the server keeps for members.
    pub(super) fn kept(&self) -> Vec<Id> {
        let rooms = [LEFT, ENDED, TIMED];
        rooms.iter().flat_map(|(room, _)| SENT.map(|form| id(self.letter, *room, form))).collect()
    }

    /// Ends two rooms, each in its way, while the sockets stay; then the sockets of the third room go.
    pub(super) fn end_rooms(&mut self) -> io::Result<()> {
        let [maker, other] = &mut self.staying[..] else { return Err(io::ErrorKind::NotConnected.into()) };
        for talker in [&mut *maker, other] {
            talker.leave(LEFT.1)?;
        }
        other.leave(ENDED.1)?;
        maker.end(ENDED.1)?;
        // One socket closes in order, the other one breaks off.
        self.leaving.drain(1..);
        self.leaving.drain(..).try_for_each(Talker::close)
    }

    /// Waits with open sockets.
    pub(super) fn wait(trials: &mut [Self], until: Instant) -> io::Result<()> {
        loop {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(());
            }
            std::thread::sleep(rest.min(ALIVE_EVERY));
            for talker in trials.iter_mut().flat_map(|trial| &mut trial.staying) {
                talker.keep_alive()?;
            }
        }
    }

    /// Closes all sockets and signs out.
    pub(super) fn sign_out(&mut self) -> io::Result<()> {
        self.staying.drain(..).try_for_each(Talker::close)?;
        self.cookies.drain(..).try_for_each(|cookie| self.server.target.sign_out(&cookie))
    }

    /// Returns the file of the server's log.
    pub(super) fn log(&self) -> PathBuf {
        log(&self.folder)
    }
}

fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// Lets two people join a room; one sends a message of each form, and both get it.
fn converse(
    talkers: &mut [Talker],
    canaries: &Canaries,
    letter: char,
    (room, code): (char, &str),
) -> io::Result<()> {
    let password = canaries.mark(letter, room, TextForm::Password);
    for talker in &mut *talkers {
        talker.join(code, &password)?;
    }
    for form in SENT {
        let text = canaries.send((letter, room), code, form);
        let Some(speaker) = talkers.first_mut() else { continue };
        if form == TextForm::Fragments { speaker.say_in_fragments(&text) } else { speaker.say(&text) }?;
        speaker.wait_for("sent")?;
        for listener in talkers.iter_mut().skip(1) {
            listener.wait_for("message")?;
        }
    }
    Ok(())
}

/// Sends what the server refuses: wrong messages, a wrong password, too many messages.
fn be_refused(talkers: &mut [Talker], canaries: &Canaries, letter: char) -> io::Result<()> {
    let Some(speaker) = talkers.first_mut() else { return Ok(()) };
    for form in REFUSED {
        let code = if form == TextForm::NotMember { FOREIGN } else { LEFT.1 };
        speaker.say(&canaries.send((letter, LEFT.0), code, form))?;
        speaker.wait_for("error")?;
    }
    speaker.join_in_vain(TIMED.1, &canaries.mark(letter, LEFT.0, TextForm::WrongPassword))?;
    for _ in 0..MOST_AT_ONCE {
        speaker.say(&canaries.send((letter, LEFT.0), LEFT.1, TextForm::Flood))?;
        if !speaker.wait_for_either("sent", "error")? {
            return Ok(());
        }
    }
    Err(io::Error::other("no message was refused for its rate"))
}
