//! Outlives its host, and sends whatever it is sent to the actor named "sink of echoes", in order: for tests/actors/host_restart_test.cpp.

use ringmail::{type_id, Failure, Mail, Options, Peer, Wait};

const PING: u32 = type_id("echo.Ping");

fn main() -> std::process::ExitCode {
    ringmail::main(Options::new(), |peer: &Peer| {
        let sink = peer.lookup_within("sink of echoes", Wait::Forever)?;
        Ok(move |mail: &Mail<'_>| -> Result<(), Failure> {
            if mail.type_id() != PING {
                return Ok(mail.unknown()?);
            }
            // Room first: the host may die while it is waited for, and the message is read all the same.
            let mut room = mail.peer().loan_bytes(sink, mail.payload().len(), Wait::Forever)?;
            room.copy_from_slice(mail.payload());
            room.send(PING);
            Ok(())
        })
    })
}
