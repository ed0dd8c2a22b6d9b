//! The loop of a peer that only handles, and what becomes of a handler that fails.

use crate::error::{Error, Reason};
use crate::failure::{in_one_line, shortened, Failure};
use crate::join::Options;
use crate::mail::{Down, Mail, Reply, Restarted};
use crate::peer::{Event, Peer};
use crate::wait::Wait;
use core::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, Location};
use std::process::ExitCode;
use std::sync::Once;

/// What a peer does with what it receives. Any `FnMut(&Mail) -> Result<(), Failure>` is one.
pub trait Handler {
    /// Handles a message. It is finished when this returns.
    fn mail(&mut self, mail: &Mail<'_>) -> Result<(), Failure>;

    /// Handles the answer to an [`ask_later`](Peer::ask_later). Who asks nothing needs none.
    fn reply(&mut self, reply: &Reply<'_>) -> Result<(), Failure> {
        let _ = reply;
        Ok(())
    }

    /// Is told of the end of an actor that [`Peer::monitor`] watched. Who watches nobody needs none.
    fn down(&mut self, down: &Down<'_>) -> Result<(), Failure> {
        let _ = down;
        Ok(())
    }

    /// Is told that the host has died, and that the peer has joined the next one. Who has nothing to do then needs none.
    fn restarted(&mut self, restarted: &Restarted<'_>) -> Result<(), Failure> {
        let _ = restarted;
        Ok(())
    }
}

impl<F: FnMut(&Mail<'_>) -> Result<(), Failure>> Handler for F {
    fn mail(&mut self, mail: &Mail<'_>) -> Result<(), Failure> {
        self(mail)
    }
}

impl Peer {
    /// Handles what comes until the host says stop. Where the peer outlives its host, that is the host that there then is.
    ///
    /// An error that a handler returns, or its panic, is reported to the host with its backtrace, and returned. The message in
    /// hand is not finished: the next incarnation gets it again. The process should end with a status other than 0.
    pub fn run(&mut self, handler: &mut impl Handler) -> Result<(), Failure> {
        let done = self.handle_all(handler);
        if let Err(failure) = &done {
            if !failure.is_host_gone() {
                // A host that is gone needs no report.
                let _ = self.report_failure(failure.text());
            }
        }
        done
    }

    fn handle_all(&mut self, handler: &mut impl Handler) -> Result<(), Failure> {
        loop {
            match self.receive(Wait::Forever)? {
                Event::Mail(mail) => match catch(|| handler.mail(&mail)) {
                    Ok(()) => mail.finish(),
                    Err(failure) => {
                        // The asker hears of it now, even if nobody takes this peer's place.
                        if let Some(asked) = mail.later() {
                            let _ = asked.refuse(mail.peer(), Reason::Failed);
                        }
                        mail.keep();
                        return Err(failure);
                    }
                },
                Event::Reply(reply) => catch(|| handler.reply(&reply))?,
                Event::Down(down) => {
                    if let Err(failure) = catch(|| handler.down(&down)) {
                        down.keep();
                        return Err(failure);
                    }
                }
                Event::Restarted(restarted) => catch(|| handler.restarted(&restarted))?,
                Event::Nothing => {}
                Event::Stopped => return Ok(()),
            }
        }
    }
}

/// A whole peer: joins, makes a handler, runs it, and says how the process is to end.
///
/// | | status |
/// |---|---|
/// | the host said stop | 0 |
/// | `make` or a handler failed or panicked, which the host was told | 1 |
/// | the host has died, or refused this peer | 1 |
/// | nobody spawned this process as a peer | 2 |
///
/// What it has to say besides goes to stderr, which is the host's log.
///
/// ```no_run
/// use ringmail::{Failure, Mail, Options, Peer};
///
/// fn main() -> std::process::ExitCode {
///     ringmail::main(Options::new(), |_: &Peer| {
///         Ok(|mail: &Mail<'_>| -> Result<(), Failure> {
///             eprintln!("{} bytes came", mail.payload().len());
///             mail.done()?;
///             Ok(())
///         })
///     })
/// }
/// ```
pub fn main<H: Handler>(options: Options, make: impl FnOnce(&Peer) -> Result<H, Failure>) -> ExitCode {
    let mut peer = match options.join() {
        Ok(peer) => peer,
        Err(error) => {
            eprintln!("ringmail: {error}");
            return ExitCode::from(if matches!(error, Error::NotSpawned(_)) { 2 } else { 1 });
        }
    };
    let done = match catch(|| make(&peer)) {
        Ok(mut handler) => peer.run(&mut handler),
        Err(failure) => {
            let _ = peer.report_failure(failure.text());
            Err(failure)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("ringmail: {}", failure.text());
            ExitCode::FAILURE
        }
    }
}

thread_local! {
    /// What the panic that unwinds this thread said, and where.
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs it; a panic becomes a failure with the panic's own backtrace.
pub(crate) fn catch<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let backtrace = shortened(&Backtrace::force_capture().to_string());
            let text = format!("{}\n{backtrace}", text_of(panic.payload(), panic.location()));
            LAST_PANIC.with(|last| *last.borrow_mut() = Some(text));
            before(panic);
        }));
    });
    // Whatever the handler has left half done, nobody uses it again.
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let text = LAST_PANIC.with(|last| last.borrow_mut().take());
        Err(Failure::from_text(text.unwrap_or_else(|| "a panic".into())))
    })
}

fn text_of(payload: &(dyn Any + Send), place: Option<&Location<'_>>) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    format!("{} (a panic{place})", in_one_line(text.unwrap_or("something that is no text")))
}
