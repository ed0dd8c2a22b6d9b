//! A peer that waits for its mail and for a clock in one thread: it sends what it has counted to whoever sent it something
//! last, ten times a second.

mod conformance_mail;

use conformance_mail::{Sum, Tick};
use ringmail::tokio::AsyncPeer;
use ringmail::{Event, Failure, Mailbox, Options};
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut peer = AsyncPeer::new(Options::new().pollable(true).join()?)?;
    let mut clock = tokio::time::interval(Duration::from_millis(100));
    let (mut ticks, mut sender): (Sum, Option<Mailbox>) = Default::default();
    loop {
        tokio::select! {
            ready = peer.ready() => ready?,
            _ = clock.tick() => {
                if let Some(sender) = sender.take() {
                    peer.peer().send(sender, &ticks)?;
                }
            }
        }
        loop {
            match peer.try_receive()? {
                Event::Mail(mail) if mail.is::<Tick>() => {
                    ticks.count += 1;
                    ticks.total += mail.read::<Tick>()?.price();
                    sender = mail.sender().or(sender);
                }
                Event::Mail(mail) => mail.unknown()?,
                Event::Reply(_) | Event::Down(_) | Event::Restarted(_) => {}
                Event::Nothing => break,
                Event::Stopped => return Ok(()),
            }
        }
    }
}
