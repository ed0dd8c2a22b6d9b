//! Outlives its host, and sends whatever it is sent to the actor named "sink of echoes", in order: for tests/actors/host_restart_test.cpp.
//! With the path of a socket, a name and a token it attaches there, and looks for the next host by itself.

use ringmail::{type_id, Error, Failure, Handler, Mail, Mailbox, Options, Peer, Restarted, Wait};
use std::time::Duration;

const PING: u32 = type_id("echo.Ping");
const RECONNECT: Duration = Duration::from_secs(20);

struct Echo {
    sink: Mailbox,
    /// By its host: mailboxes go on to be good.
    is_kept: bool,
}

fn sink(peer: &Peer) -> Result<Mailbox, Failure> {
    Ok(peer.lookup_within("sink of echoes", Wait::Forever)?)
}

impl Handler for Echo {
    fn mail(&mut self, mail: &Mail<'_>) -> Result<(), Failure> {
        if mail.type_id() != PING {
            return Ok(mail.unknown()?);
        }
        // Room first: the host may die while it is waited for, and the message is read all the same.
        let mut room = match mail.peer().loan_bytes(self.sink, mail.payload().len(), Wait::Forever) {
            // It has, and only with this message finished does a peer go that is not kept.
            Err(Error::Full) if !self.is_kept => return Ok(()),
            room => room?,
        };
        room.copy_from_slice(mail.payload());
        room.send(PING);
        Ok(())
    }

    fn restarted(&mut self, restarted: &Restarted<'_>) -> Result<(), Failure> {
        if !self.is_kept {
            self.sink = sink(restarted.peer())?;
        }
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (options, is_kept) = match &arguments[..] {
        [path, name, token] => (Options::new().path(path).name(name).token(token).reconnect(RECONNECT), false),
        _ => (Options::new(), true),
    };
    ringmail::main(options, |peer: &Peer| Ok(Echo { sink: sink(peer)?, is_kept }))
}
