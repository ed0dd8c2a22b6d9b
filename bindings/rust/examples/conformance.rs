//! The conformance peer in Rust: bindings/README.md says what it does.

mod conformance_mail;

use conformance_mail::{view, Bulk, Ended, Host, Note, Outcome, Payload, Ping, Player, Side, Sum, Tick};
use ringmail::{
    Accepts, Address, Down, Error, Failure, Handler, Level, Mail, Message, Monitor, Options, Peer, Reply, Ticket, Wait,
};
use std::collections::HashMap;
use std::time::Duration;

#[derive(Default)]
struct Conformance {
    sink: Option<Address<dyn Host>>,
    echoes: bool,
    counted: Sum,
    /// The last one.
    watch: Option<Monitor>,
    consulted: HashMap<Ticket, u64>,
}

impl Conformance {
    /// Looked up when it is needed first.
    fn sink(&mut self, peer: &Peer) -> Result<Address<dyn Host>, Failure> {
        let sink = match self.sink {
            Some(sink) => sink,
            None => peer.lookup(&std::env::var("CONFORMANCE_SINK").unwrap_or_else(|_| "sink".into()))?.speaks(),
        };
        self.sink = Some(sink);
        Ok(sink)
    }

    /// The answer to who asks. What was only sent is counted, and echoed where the peer echoes.
    fn answer<M: Message>(&mut self, answer: M, price: f64, mail: &Mail<'_>) -> Result<Option<M>, Failure>
    where
        dyn Host: Accepts<M>,
    {
        if mail.is_asked() {
            return Ok(Some(answer));
        }
        self.counted.count += 1;
        self.counted.total += price;
        self.counted.redelivered += u64::from(mail.redelivered());
        if self.echoes {
            mail.peer().send(self.sink(mail.peer())?, &answer)?;
        }
        Ok(None)
    }
}

impl Player for Conformance {
    fn on_tick(&mut self, tick: view::Tick<'_>, mail: &Mail<'_>) -> Result<Option<Tick>, Failure> {
        self.answer(Tick { price: 2.0 * tick.price(), ..tick.into() }, tick.price(), mail)
    }

    fn on_ping(&mut self, ping: view::Ping<'_>, mail: &Mail<'_>) -> Result<Option<Ping>, Failure> {
        self.answer(ping.into(), 0.0, mail)
    }

    fn on_bulk(&mut self, bulk: view::Bulk<'_>, mail: &Mail<'_>) -> Result<Option<Bulk>, Failure> {
        self.answer(bulk.into(), 0.0, mail)
    }

    fn on_note(&mut self, note: view::Note<'_>, _: &Mail<'_>) -> Result<Option<Note>, Failure> {
        let values = note.values().iter().map(|value| 2.0 * value).collect();
        Ok(Some(Note { number: note.number().wrapping_mul(2), values, ..note.into() }))
    }

    fn on_get(&mut self, _: view::Get<'_>, _: &Mail<'_>) -> Result<Option<Sum>, Failure> {
        Ok(Some(self.counted))
    }

    fn on_fail(&mut self, fail: view::Fail<'_>, _: &Mail<'_>) -> Result<(), Failure> {
        Err(Failure::new(format_args!("failed with {}", fail.code())))
    }

    fn on_stream(&mut self, stream: view::Stream<'_>, mail: &Mail<'_>) -> Result<(), Failure> {
        let (peer, sink) = (mail.peer(), self.sink(mail.peer())?);
        for number in 0..stream.count() {
            match stream.payload() {
                Payload::Tick => {
                    let mut tick = peer.loan::<Tick>(sink, Wait::Forever)?;
                    let mut edit = tick.edit();
                    edit.number().set(number);
                    edit.price().set(number as f64);
                    edit.side().set(Side::Ask);
                    edit.live().set(true);
                    edit.symbol().set("abc".into());
                    tick.send()?;
                }
                Payload::Ping => peer.send(sink, &Ping { words: [number, 0, 0, 0] })?,
                Payload::Bulk => {
                    let mut bulk = peer.loan::<Bulk>(sink, Wait::Forever)?;
                    bulk.edit().number().set(number);
                    bulk.send()?;
                }
            }
        }
        Ok(())
    }

    fn on_watch(&mut self, watch: view::Watch<'_>, mail: &Mail<'_>) -> Result<(), Failure> {
        let peer = mail.peer();
        self.watch = Some(peer.monitor(peer.lookup(&watch.name().to_string())?, Wait::Forever)?);
        Ok(())
    }

    fn on_unwatch(&mut self, _: view::Unwatch<'_>, mail: &Mail<'_>) -> Result<(), Failure> {
        if let Some(watch) = self.watch.take() {
            mail.peer().demonitor(watch, Wait::Forever)?;
        }
        Ok(())
    }

    fn on_consult(&mut self, consult: view::Consult<'_>, mail: &Mail<'_>) -> Result<(), Failure> {
        let (peer, number) = (mail.peer(), consult.number());
        let within = Duration::from_millis(consult.milliseconds().into());
        let ticket = peer.ask_later(peer.lookup("desk")?, &Ping { words: [number, 0, 0, 0] }, within)?;
        self.consulted.insert(ticket, number);
        Ok(())
    }

    fn on_say(&mut self, say: view::Say<'_>, mail: &Mail<'_>) -> Result<(), Failure> {
        let levels = [Level::Trace, Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical];
        mail.peer().log(levels[say.level() as usize], &say.text().to_string())?;
        Ok(())
    }
}

impl Handler for Conformance {
    fn mail(&mut self, mail: &Mail<'_>) -> Result<(), Failure> {
        self.handle(mail)
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<(), Failure> {
        if let Some(number) = self.consulted.remove(&reply.ticket()) {
            let answered = matches!(reply.read::<Ping>(), Ok(ping) if ping.words().get(0) == Some(number));
            reply.peer().send(self.sink(reply.peer())?, &Outcome { number, answered })?;
        }
        Ok(())
    }

    fn down(&mut self, down: &Down<'_>) -> Result<(), Failure> {
        let ended = Ended { kind: down.kind().number(), reason: down.reason().as_ref().into() };
        down.peer().send(self.sink(down.peer())?, &ended)?;
        Ok(())
    }
}

fn echoes() -> bool {
    std::env::args().nth(1).as_deref() == Some("echo")
}

/// Serves whoever attaches, each in a thread of its own, until this process is ended.
fn listen(options: &Options) -> Result<(), Error> {
    let mut listener = options.listen()?;
    while let Some(mut peer) = listener.accept(Wait::Forever)? {
        std::thread::spawn(move || {
            let sink = peer.lookup(peer.name()).ok().map(|other| other.speaks());
            if let Err(end) = peer.run(&mut Conformance { sink, echoes: echoes(), ..Conformance::default() }) {
                eprintln!("{end}");
            }
        });
    }
    Ok(())
}

fn main() -> std::process::ExitCode {
    let mut options = Options::new().schema(conformance_mail::SCHEMA);
    if let Some(path) = std::env::var_os("CONFORMANCE_LISTEN") {
        let failed = listen(&options.path(path).name("conformance"));
        eprintln!("{failed:?}");
        return std::process::ExitCode::FAILURE;
    }
    if let Some(path) = std::env::var_os("CONFORMANCE_PATH") {
        options = options.path(path).name("conformance");
    }
    ringmail::main(options, |_| Ok(Conformance { echoes: echoes(), ..Conformance::default() }))
}
