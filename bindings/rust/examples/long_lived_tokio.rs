//! As long_lived.rs, in tokio's reactor.

use ringmail::{tokio::AsyncPeer, type_id, Event, Failure, Options, Wait};

const PING: u32 = type_id("echo.Ping");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut peer = AsyncPeer::new(Options::new().pollable(true).join()?)?;
    let sink = peer.peer().lookup_within("sink of echoes", Wait::Forever)?;
    loop {
        match peer.receive().await? {
            Event::Mail(mail) if mail.type_id() == PING => {
                let mut room = mail.peer().loan_bytes(sink, mail.payload().len(), Wait::Forever)?;
                room.copy_from_slice(mail.payload());
                room.send(PING);
            }
            Event::Stopped => return Ok(()),
            _ => {}
        }
    }
}
