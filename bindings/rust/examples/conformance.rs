//! The conformance peer in Rust: bindings/README.md says what it does.

mod conformance_mail;

use conformance_mail::{view, Bulk, Host, Side, Sum, Tick};
use ringmail::{Address, Failure, Mail, Options, Peer, Wait};

#[derive(Default)]
struct Conformance {
    sink: Option<Address<dyn Host>>,
    echoes: bool,
    ticks: Sum,
}

impl Conformance {
    /// Looked up when it is needed first.
    fn sink(&mut self, peer: &Peer) -> Result<Address<dyn Host>, Failure> {
        let sink = match self.sink {
            Some(sink) => sink,
            None => peer.lookup("sink")?.speaks(),
        };
        self.sink = Some(sink);
        Ok(sink)
    }
}

impl conformance_mail::Peer for Conformance {
    fn on_tick(&mut self, tick: view::Tick<'_>, mail: &Mail<'_>) -> Result<Option<Tick>, Failure> {
        let doubled = Tick { price: 2.0 * tick.price(), ..tick.into() };
        if mail.is_asked() {
            return Ok(Some(doubled));
        }
        self.ticks.count += 1;
        self.ticks.total += tick.price();
        self.ticks.redelivered += u64::from(mail.redelivered());
        if self.echoes {
            mail.peer().send(self.sink(mail.peer())?, &doubled)?;
        }
        Ok(None)
    }

    fn on_bulk(&mut self, bulk: view::Bulk<'_>, mail: &Mail<'_>) -> Result<Option<Bulk>, Failure> {
        if mail.is_asked() {
            return Ok(Some(bulk.into()));
        }
        mail.peer().send(self.sink(mail.peer())?, &Bulk::from(bulk))?;
        Ok(None)
    }

    fn on_get(&mut self, _: view::Get<'_>, _: &Mail<'_>) -> Result<Option<Sum>, Failure> {
        Ok(Some(self.ticks))
    }

    fn on_fail(&mut self, fail: view::Fail<'_>, _: &Mail<'_>) -> Result<(), Failure> {
        Err(Failure::new(format_args!("failed with {}", fail.code())))
    }

    fn on_stream(&mut self, stream: view::Stream<'_>, mail: &Mail<'_>) -> Result<(), Failure> {
        let sink = self.sink(mail.peer())?;
        for number in 0..stream.count() {
            let mut tick = mail.peer().loan::<Tick>(sink, Wait::Forever)?;
            let mut edit = tick.edit();
            edit.number().set(number);
            edit.price().set(number as f64);
            edit.side().set(Side::Ask);
            edit.live().set(true);
            edit.symbol().set("abc".into());
            tick.send()?;
        }
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    ringmail::main(Options::new().schema(conformance_mail::SCHEMA), |_| {
        let echoes = std::env::args().nth(1).as_deref() == Some("echo");
        let mut conformance = Conformance { echoes, ..Conformance::default() };
        Ok(move |mail: &Mail<'_>| conformance_mail::Peer::handle(&mut conformance, mail))
    })
}
