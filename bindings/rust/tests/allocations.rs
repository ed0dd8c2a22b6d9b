//! Once a link is warm, no message allocates: sent, received, asked, answered, with a body or without.

mod support;

use ringmail::{Event, Options, Peer, Wait};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::conformance_mail::{Get, Ping, Sum, Tick};
use support::Host;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: the system's allocator, and a number beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as it was promised to this.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as it was promised to this.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn plays_a_scenario() {
    support::play(&[("large", large), ("alone", alone)]);
}

/// How many there are meanwhile.
fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// One asks and sends, the other answers; both are this thread.
fn exchange(host: &mut Peer, peer: &mut Peer, count: u64) {
    let to = host.lookup("end").unwrap();
    for number in 0..count {
        host.send(to, &Tick::default()).unwrap();
        host.ask_later(to, &Ping { words: [number; 4] }, Duration::from_secs(60)).unwrap();
        host.flush().unwrap();
        for _ in 0..2 {
            match peer.receive(Wait::No).unwrap() {
                Event::Mail(mail) if mail.is::<Tick>() => mail.done().unwrap(),
                Event::Mail(mail) => mail.answer(Some(Ping { words: [number; 4] })).unwrap(),
                _ => panic!("something else came"),
            }
        }
        match host.receive(Wait::No).unwrap() {
            Event::Reply(reply) => assert_eq!(reply.read::<Ping>().unwrap().words().get(0), Some(number)),
            _ => panic!("something else came"),
        }
    }
}

/// In a process of its own, where nothing else goes on.
fn alone() -> Result<(), ringmail::Failure> {
    let mut under = Peer::join()?;
    let folder = std::env::temp_dir().join(format!("ringmail-rust-allocations-{}", std::process::id()));
    let options = Options::new().path(folder.join("at")).name("end").ring_bytes(1 << 14);
    let mut listener = options.listen()?;
    let joining = std::thread::spawn(move || options.join());
    let mut host = listener.accept(Wait::Forever)?.expect("it comes");
    let mut peer = joining.join().expect("no panic")?;
    exchange(&mut host, &mut peer, 1000);
    let count = allocations(|| exchange(&mut host, &mut peer, 1000));
    drop((host, peer, listener));
    std::fs::remove_dir_all(folder)?;
    // A name that is looked up may allocate.
    under.send(under.lookup("sink")?, &Sum { count, ..Sum::default() })?;
    while !matches!(under.receive(Wait::Forever)?, Event::Stopped) {}
    Ok(())
}

#[test]
fn no_message_allocates() {
    let mut host = Host::of("alone", &[]);
    assert_eq!(host.mail::<Sum>().1.count, 0);
    host.stop();
}

/// Looks at bodies, keeps one, and says how often it allocated for the last thousand.
fn large() -> Result<(), ringmail::Failure> {
    let mut peer = Peer::join()?;
    let sink = peer.lookup("sink")?;
    let (mut kept, mut bytes, mut before) = (None, 0, 0);
    loop {
        match peer.receive(Wait::Forever)? {
            Event::Mail(mail) if mail.is::<Get>() => {
                let count = ALLOCATIONS.load(Ordering::Relaxed) - before;
                mail.peer().send(sink, &Sum { count, total: bytes as f64, ..Sum::default() })?;
                before = ALLOCATIONS.load(Ordering::Relaxed);
            }
            Event::Mail(mail) => {
                bytes += mail.body().map_or(0, <[u8]>::len);
                kept = mail.keep_body().or(kept);
            }
            Event::Stopped => return Ok(()),
            _ => {}
        }
    }
}

#[test]
fn no_body_that_comes_allocates() {
    let mut host = Host::of("large", &["--arena", "1048576"]);
    let rounds = |host: &mut Host| {
        (0..200).for_each(|fill| host.send_large(&Tick::default(), 10, fill as u8));
        host.send(&Get {}, 1);
        host.mail::<Sum>().1
    };
    rounds(&mut host);
    assert_eq!(rounds(&mut host), Sum { count: 0, total: 4000.0, ..Sum::default() });
    host.stop();
}
