//! Hosts that keep their peer, as far as it sees.

use super::*;
use crate::bell::{Doorbell, Ringer};
use crate::error::Reason;
use crate::layout::{self, HostPart, LaneMemory, Layout, MailPart, PeerPart, ATTEMPTED, BELL, START, START_SEQUENCE};
use crate::link::reason;
use crate::message::{Done, Mailbox};
use crate::ring::{kind, Consumer, Order, Producer};
use crate::stream::Stream;
use crate::sys::memory::Region;
use crate::sys::segment::{create, make_to_write, map_to_write, seal, Seals};
use crate::wire::{self, Resolve, Segment, Welcome};
use crate::{Accepts, Event, Exit, Peer};
use core::sync::atomic::Ordering::Relaxed;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread::{spawn, JoinHandle};

const PATIENCE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(30);
const LAYOUT: Layout = Layout { lanes: 1, mail_to_peer: 4096, mail_to_host: 4096, control: 4096 };
const ACTOR: u64 = 77;
/// Of a lane in the segment of its peer.
const MAIL_CONSUMER: usize = 0;
const MAIL_PRODUCER: usize = 1024;

/// A socket in a folder of its own.
struct Place {
    folder: PathBuf,
    socket: UnixListener,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringmail-rust-kept-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = UnixListener::bind(folder.join("at")).unwrap();
        Self { folder, socket }
    }

    /// A host with mail of these numbers, and its peer.
    fn pair(&self, mail: &[u8]) -> (KeptHost, Peer) {
        let options = Options::new().path(self.folder.join("at")).name("kept");
        let joining = spawn(move || options.join().unwrap());
        let host = KeptHost::accept(&self.socket, &Left { mail, ..Left::default() });
        (host, joining.join().unwrap())
    }

    /// The next host, which answers a lookup, too.
    fn next_host(&self, left: Left<'static>) -> JoinHandle<KeptHost> {
        let socket = self.socket.try_clone().unwrap();
        spawn(move || {
            let mut host = KeptHost::accept(&socket, &left);
            assert_eq!(host.token, "secret");
            host.answer_lookup();
            host
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What the dead host has left for the next.
#[derive(Default)]
struct Left<'a> {
    mail: &'a [u8],
    /// The first of it, which the next host knows.
    in_hand: bool,
    to_host: &'a [u8],
}

struct KeptHost {
    stream: Stream,
    lane: Lane,
    token: String,
}

fn write(ring: &mut Producer<'static>, numbers: &[u8]) {
    for &number in numbers {
        ring.try_loan(40).unwrap().fill(number);
        ring.commit(&Head { kind: kind::MESSAGE, type_id: 1, ..Head::default() });
        ring.publish();
    }
}

impl KeptHost {
    fn accept(socket: &UnixListener, left: &Left<'_>) -> Self {
        let mut stream = Stream::to_peer(socket.accept().unwrap().0.into());
        let hello = stream.receive_until(Some(Instant::now() + PATIENCE)).unwrap().unwrap().payload;
        assert_ne!(u64::from_le_bytes(hello[8..16].try_into().unwrap()) & feature::OUTLIVES_HOST, 0);
        let token = if hello.windows(6).any(|part| part == b"secret") { "secret" } else { "" };

        let (mail_file, mut mail) = make_to_write("mail", LAYOUT.mail_bytes(), Seals::NoMoreWriters).unwrap();
        let (host_file, mut host) = make_to_write("host", LAYOUT.host_bytes(), Seals::NoMoreWriters).unwrap();
        let (bells_file, _) = make_to_write("bells", LAYOUT.host_bells_bytes(), Seals::SharedWriters).unwrap();
        let (bell_file, bell) = make_to_write("bell", BELL, Seals::SharedWriters).unwrap();
        let peer_file = create("peer", LAYOUT.peer_bytes()).unwrap();
        seal(peer_file.as_fd(), Seals::Size).unwrap();
        let peer = map_to_write(peer_file.as_fd(), LAYOUT.peer_bytes(), Seals::Size).unwrap();
        let (words, read): (_, Region<'static>) = (peer.of_words(), peer.read());

        // Both rings may begin with what was left in others.
        let as_peer = layout::lanes(&LAYOUT, &mail.read(), &host.read(), peer).remove(0);
        let mut carried = Producer::new(as_peer.mail_out, Order::Sequential);
        write(&mut carried, left.to_host);
        words.store64(MAIL_PRODUCER + START, carried.tail(), Relaxed);
        words.store32(MAIL_PRODUCER + START_SEQUENCE, left.to_host.len() as u32, Relaxed);
        words.store64(MAIL_CONSUMER + ATTEMPTED, left.in_hand.into(), Relaxed);
        let memory = LaneMemory::of_host(
            MailPart::of_lane(0, &LAYOUT, |at, bytes| mail.lend(at, bytes)),
            HostPart::of_lane(0, &LAYOUT, |at, bytes| host.lend(at, bytes)),
            PeerPart::of_lane(0, &LAYOUT, |at, bytes| read.part(at, bytes)),
        );
        let mut lane = Lane {
            mail_in: Consumer::new(memory.mail_in, Order::Sequential).unwrap(),
            control_in: Consumer::new(memory.control_in, Order::Sequential).unwrap(),
            mail_out: Producer::new(memory.mail_out, Order::Sequential),
            control_out: Producer::new(memory.control_out, Order::Sequential),
            bell: Ringer::new(Doorbell::Shared(bell)),
            arena: None,
            met: None,
            stop_at: None,
        };
        write(&mut lane.mail_out, left.mail);

        let parts = [
            (1, LAYOUT.mail_bytes(), mail_file),
            (2, LAYOUT.host_bytes(), host_file),
            (3, LAYOUT.peer_bytes(), peer_file),
            (4, LAYOUT.host_bells_bytes(), bells_file),
            (5, BELL, bell_file),
        ];
        let welcome = Welcome {
            version: wire::VERSION,
            features: feature::MAIL_OUTLIVES_PEER | feature::MONITORS | feature::OUTLIVES_HOST,
            incarnation: 1,
            line_bytes: 64,
            layout: LAYOUT,
            name: "kept".into(),
            schema: String::new(),
            host_pid: std::process::id(),
            segments: parts.iter().map(|(role, bytes, _)| Segment { role: *role, bytes: *bytes, host_fd: 0 }).collect(),
        };
        let files: Vec<_> = parts.iter().map(|(_, _, file)| file.as_fd()).collect();
        stream.send_with(wire::kind::WELCOME, &welcome.encode(), &files).unwrap();
        stream.send(wire::kind::OUTLIVE, &outlive(PATIENCE, socket.local_addr().unwrap().as_pathname().unwrap())).unwrap();
        let ready = stream.receive_until(Some(Instant::now() + PATIENCE)).unwrap().unwrap();
        assert_eq!(ready.kind, wire::kind::READY);
        Self { stream, lane, token: token.into() }
    }

    fn answer_lookup(&mut self) {
        let question = self.stream.receive_until(Some(Instant::now() + PATIENCE)).unwrap().unwrap();
        let question = Resolve::decode(&question.payload).unwrap();
        self.stream.send(wire::kind::RESOLVED, &wire::resolved(question.request, Some(ACTOR))).unwrap();
    }

    /// The numbers of what lies in the ring to it.
    fn came(&mut self) -> Vec<u8> {
        let mut came = Vec::new();
        while let Some(frame) = self.lane.mail_in.peek() {
            came.push(frame.payload[0]);
            self.lane.mail_in.advance();
        }
        assert_eq!(self.lane.mail_in.fault(), None);
        came
    }

    fn unfinished(&mut self) -> u64 {
        self.lane.mail_out.unfinished().messages
    }
}

fn outlive(time: Duration, path: &std::path::Path) -> Vec<u8> {
    let mut bytes = (time.as_nanos() as u64).to_le_bytes().to_vec();
    for text in [path.to_str().unwrap(), "secret"] {
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn send(peer: &Peer, number: u8) {
    let mut room = peer.loan_bytes(Mailbox(ACTOR), 40, Wait::Forever).unwrap();
    room.fill(number);
    room.send(1);
}

fn next(peer: &mut Peer) -> String {
    match peer.receive(PATIENCE).unwrap() {
        Event::Mail(mail) => format!("mail {}", mail.payload()[0]),
        Event::Restarted(restarted) => format!("restarted {}", restarted.unread()),
        Event::Down(down) => {
            assert_eq!((down.kind(), down.mailbox()), (Exit::Unreachable, Some(Mailbox(ACTOR))));
            "down".into()
        }
        _ => "something else".into(),
    }
}

#[test]
fn what_ends_with_a_host_is_unreachable() {
    assert_eq!(reason(UNREACHABLE), Some((7, &b"unreachable: its host was restarted"[..])));
}

#[test]
fn a_message_in_hand_is_finished_in_the_ring_of_the_next_host() {
    let place = Place::new("in-hand");
    let (host, mut peer) = place.pair(&[1, 2, 3]);
    let Event::Mail(mail) = peer.receive(PATIENCE).unwrap() else { panic!("no mail") };
    send(mail.peer(), 10);
    drop(host);
    let next_host = place.next_host(Left { mail: &[1, 2, 3], in_hand: true, to_host: &[8, 9] });
    // The handler waits, and so its peer goes meanwhile.
    assert_eq!(mail.peer().lookup("actor").unwrap(), Mailbox(ACTOR));
    let mut host = next_host.join().unwrap();
    assert_eq!((mail.payload(), host.unfinished()), (&[1; 40][..], 3));
    send(mail.peer(), 11);
    mail.finish();
    assert_eq!((host.unfinished(), host.came()), (3, vec![8, 9, 11]), "the cursor is stored when it is due");
    assert_eq!([next(&mut peer), next(&mut peer), next(&mut peer)], ["restarted 0", "mail 2", "mail 3"]);
    assert_eq!(host.unfinished(), 0);
}

#[test]
fn a_message_that_was_finished_meanwhile_is_not_given_again_if_the_host_knows_of_it() {
    for (in_hand, again) in [(true, "mail 2"), (false, "mail 1")] {
        let mut place = Place::new(&format!("meanwhile-{in_hand}"));
        let (host, mut peer) = place.pair(&[1, 2]);
        let Event::Mail(mail) = peer.receive(PATIENCE).unwrap() else { panic!("no mail") };
        std::fs::remove_file(place.folder.join("at")).unwrap();
        drop(host);
        assert!(matches!(mail.peer().lookup_within("actor", SHORT), Err(Error::TimedOut)));
        mail.finish();
        place.socket = UnixListener::bind(place.folder.join("at")).unwrap();
        let next_host = place.next_host(Left { mail: &[1, 2], in_hand, ..Left::default() });
        peer.lookup("actor").unwrap();
        assert_eq!([next(&mut peer), next(&mut peer)], ["restarted 0", again]);
        next_host.join().unwrap();
    }
}

#[test]
fn a_message_in_hand_can_be_read_over_the_death_of_more_than_one_host() {
    for in_hand in [true, false] {
        let place = Place::new(&format!("more-{in_hand}"));
        let (mut host, mut peer) = place.pair(&[1, 2]);
        let Event::Mail(mail) = peer.receive(PATIENCE).unwrap() else { panic!("no mail") };
        for _ in 0..3 {
            drop(host);
            let next_host = place.next_host(Left { mail: &[1, 2], in_hand, ..Left::default() });
            mail.peer().lookup("actor").unwrap();
            host = next_host.join().unwrap();
            assert_eq!(mail.payload(), [1; 40]);
        }
        mail.finish();
        let again = if in_hand { "mail 2" } else { "mail 1" };
        assert_eq!([next(&mut peer), next(&mut peer)], ["restarted 0", again]);
        assert_eq!(peer.counters().received, 2);
    }
}

#[test]
fn asks_and_monitors_end_with_their_host() {
    trait Actor {}
    impl Accepts<Done> for dyn Actor {
        type Reply = Done;
    }
    let place = Place::new("asks");
    let (host, mut peer) = place.pair(&[1]);
    let monitor = peer.monitor(Mailbox(ACTOR), Wait::No).unwrap();
    let Event::Mail(mail) = peer.receive(PATIENCE).unwrap() else { panic!("no mail") };
    drop(host);
    let socket = place.socket.try_clone().unwrap();
    let next_host = spawn(move || KeptHost::accept(&socket, &Left { mail: &[1], in_hand: true, ..Left::default() }));
    let answer = mail.peer().ask(Mailbox(ACTOR).speaks::<dyn Actor>(), &Done, PATIENCE);
    assert!(matches!(answer, Err(Error::NoReply(Reason::HostRestarted))), "{answer:?}");
    mail.finish();
    let _host = next_host.join().unwrap();
    assert!(!peer.demonitor(monitor, Wait::No).unwrap());
    assert_eq!([next(&mut peer), next(&mut peer)], ["restarted 0", "down"]);
    assert!(matches!(peer.receive(Wait::No), Ok(Event::Nothing)));
}

#[test]
fn a_path_of_nobody_is_no_way_to_the_next_host() {
    let good = outlive(PATIENCE, std::path::Path::new("/at"));
    let read = Outlive::decode(&good).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((read.time, &read.path[..], &read.token[..]), (PATIENCE, "/at", "secret"));
    assert!(Outlive::decode(&good[..good.len() - 1]).is_err());
    assert!(Outlive::decode(&[&good[..], &[0]].concat()).is_err());
    assert!(Outlive::decode(&outlive(PATIENCE, std::path::Path::new(""))).is_err());
    assert!(Outlive::decode(&outlive(PATIENCE, &PathBuf::from("x".repeat(108)))).is_err());
}
