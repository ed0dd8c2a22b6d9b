//! The messages of the handshake, and the stream that they come by.

use super::{bytes, fields, read, Vector};
use crate::join;
use crate::layout::{Layout, MOST_RING};
use crate::listener::negotiate;
use crate::stream::Stream;
use crate::wire::{
    self, feature, refusal, Greeting, Hello, Introduce, Malformed, Presence, Refused, Resolve, Resolved, Segment, Welcome,
};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

type Fields = BTreeMap<String, Vec<u8>>;

/// What this binding's own texts are called in docs/spec/handshake.md, *Names of faults*.
fn name_of(text: &str) -> &str {
    let names = [
        ("ends inside of a field", "truncated"),
        ("bytes left over", "trailing"),
        ("too long", "too_long"),
        ("too many segments", "too_long"),
        ("is not UTF-8, or has a NUL", "bad_text"),
        ("a name that is none", "bad_text"),
        ("a name of nobody", "bad_text"),
        ("without a language", "bad_text"),
        ("magic is", "bad_magic"),
        ("a range of versions that is none", "out_of_range"),
        ("rings of no size of one", "out_of_range"),
        ("a presence that is none", "out_of_range"),
        ("contradicts itself", "out_of_range"),
        ("unknown role", "out_of_range"),
        ("give it a length", "too_long"),
        ("give it the unknown kind", "malformed"),
        ("do not end in 0", "malformed"),
        ("in the middle of a frame", "closed_in_frame"),
        ("has closed the link", "closed"),
    ];
    names.iter().find(|(part, _)| text.contains(part)).map_or(text, |(_, name)| name)
}

fn made_of(values: &[(&str, &dyn ToString)]) -> Fields {
    values.iter().map(|(name, value)| (name.to_string(), value.to_string().into_bytes())).collect()
}

/// None: of a message that this binding does not read.
fn decoded(message: &str, payload: &[u8]) -> Option<Result<Fields, String>> {
    fn read<T>(decoded: Result<T, Malformed>, fields: impl FnOnce(T) -> Fields) -> Result<Fields, String> {
        decoded.map(fields).map_err(|error| error.to_string())
    }
    Some(match message {
        "hello" => Greeting::decode(payload).map_err(|(_, text)| text).map(|hello| {
            made_of(&[
                ("version_min", hello.versions.start()),
                ("version_max", hello.versions.end()),
                ("features", &hello.features),
                ("wanted_ring_bytes", &hello.ring_bytes),
                ("language", &hello.language),
                ("name", &hello.name),
                ("schema", &hello.schema),
            ])
        }),
        "welcome" => read(Welcome::decode(payload), |w| {
            let entry = |s: &Segment| format!("{}:{}:{}", s.role, s.bytes, s.host_fd);
            let segments = w.segments.iter().map(entry).collect::<Vec<_>>().join(",");
            made_of(&[
                ("version", &w.version),
                ("features", &w.features),
                ("incarnation", &w.incarnation),
                ("line_bytes", &w.line_bytes),
                ("lanes", &w.layout.lanes),
                ("mail_to_peer_bytes", &w.layout.mail_to_peer),
                ("mail_to_host_bytes", &w.layout.mail_to_host),
                ("control_bytes", &w.layout.control),
                ("name", &w.name),
                ("schema", &w.schema),
                ("host_pid", &w.host_pid),
                ("segments", &segments),
            ])
        }),
        "refused" => read(Refused::decode(payload), |r| made_of(&[("code", &r.code), ("text", &r.text)])),
        "resolve" => read(Resolve::decode(payload), |r| made_of(&[("request", &r.request), ("name", &r.name)])),
        "resolved" => read(Resolved::decode(payload), |r| {
            let (found, mailbox) = (u8::from(r.mailbox.is_some()), r.mailbox.unwrap_or(0));
            made_of(&[("request", &r.request), ("found", &found), ("mailbox", &mailbox)])
        }),
        "failure" => read(wire::decode_failure(payload), |text| made_of(&[("text", &text)])),
        "introduce" => read(Introduce::decode(payload), |i| {
            made_of(&[("lane", &i.lane), ("name", &i.name), ("mail_bytes", &i.mail_bytes), ("control_bytes", &i.control_bytes)])
        }),
        "presence" => {
            read(Presence::decode(payload), |(lane, presence)| made_of(&[("lane", &lane), ("state", &(presence as u8))]))
        }
        _ => return None,
    })
}

/// Of a hello, what this binding does not look at.
const UNREAD: [&str; 2] = ["pid", "token"];

/// None: of a message that this binding does not write, or of a text that is none and cannot be asked of it.
fn encoded(message: &str, fields: &Fields) -> Option<Vec<u8>> {
    let text = |name: &str| std::str::from_utf8(&fields[name]).ok();
    let number = |name: &str| text(name).unwrap().parse::<u64>().unwrap();
    Some(match message {
        "hello" => Hello {
            features: number("features"),
            pid: number("pid") as u32,
            ring_bytes: number("wanted_ring_bytes"),
            language: text("language")?,
            name: text("name")?,
            token: text("token")?,
            schema: text("schema")?,
        }
        .encode()
        .unwrap(),
        "welcome" => welcome(number, text("name")?, text("schema")?, text("segments")?).encode(),
        "ready" | "goodbye" => Vec::new(),
        "refused" => wire::refused(number("code") as u16, text("text")?),
        "resolve" => wire::resolve(number("request") as u32, text("name")?).unwrap(),
        "resolved" => wire::resolved(number("request") as u32, (number("found") == 1).then(|| number("mailbox"))),
        "failure" => wire::failure(text("text")?),
        "introduced" => wire::introduced(number("lane") as u32, text("text")?),
        "ring" => wire::ring(number("lane") as u32),
        "log" => wire::log(number("level") as u8, text("text")?),
        _ => return None,
    })
}

fn welcome(number: impl Fn(&str) -> u64, name: &str, schema: &str, segments: &str) -> Welcome {
    let segment = |entry: &str| {
        let parts: Vec<u64> = entry.split(':').map(|part| part.parse().unwrap()).collect();
        Segment { role: parts[0] as u8, bytes: parts[1], host_fd: parts[2] as u32 }
    };
    Welcome {
        version: number("version") as u16,
        features: number("features"),
        incarnation: number("incarnation"),
        line_bytes: number("line_bytes") as u32,
        layout: Layout {
            lanes: number("lanes") as u32,
            mail_to_peer: number("mail_to_peer_bytes"),
            mail_to_host: number("mail_to_host_bytes"),
            control: number("control_bytes"),
        },
        name: name.into(),
        schema: schema.into(),
        host_pid: number("host_pid") as u32,
        segments: segments.split(',').map(segment).collect(),
    }
}

/// All that this binding may offer.
const OFFERED: u64 = feature::MAIL_OUTLIVES_PEER
    | feature::ASYMMETRIC_BARRIER
    | feature::STREAM_DOORBELL
    | feature::PIPE_DOORBELL
    | feature::INTRODUCTIONS
    | feature::MONITORS
    | feature::LOG
    | feature::LARGE;

/// The refusal of what could be read.
fn refusal_of(message: &str, payload: &[u8]) -> &'static str {
    match message {
        "hello" => {
            let hello = Greeting::decode(payload).unwrap_or_else(|(_, text)| panic!("{text}"));
            match negotiate(&hello, MOST_RING, true) {
                Ok(_) => "none",
                Err((refusal::VERSION, _)) => "version",
                Err((refusal::RING_SIZE, _)) => "ring_size",
                Err((code, text)) => panic!("{code}: {text}"),
            }
        }
        _ => {
            let welcome = Welcome::decode(payload).unwrap_or_else(|error| panic!("{error}"));
            // What a peer answers to it, whatever there is wrong.
            join::check(&welcome, OFFERED).map_or("bad_segment", |()| "none")
        }
    }
}

fn message(vector: &Vector) {
    let (message, payload) = (&vector.words[0][..], bytes(&vector.words[1], 0));
    let read = decoded(message, &payload);
    match &vector.verb[..] {
        "unfit" => assert_eq!(refusal_of(message, &payload), vector.words[2]),
        "bad" => {
            if let Some(read) = read {
                assert_eq!(name_of(&read.expect_err("it is read")), vector.words[2]);
            }
        }
        verb => {
            let mut due = fields(&vector.words[2..]);
            if verb != "read" {
                assert!(encoded(message, &due).map_or(true, |written| written == payload));
            }
            if message == "hello" {
                due.retain(|name, _| !UNREAD.contains(&&name[..]));
            }
            if let Some(read) = read {
                assert!(read.unwrap() == due || verb == "write");
            }
            if verb == "good" && message == "welcome" {
                let offers_all = Welcome::decode(&payload).unwrap().features & !OFFERED == 0;
                assert!(!offers_all || refusal_of(message, &payload) == "none");
            }
        }
    }
}

fn frame(word: &str) -> (u16, Vec<u8>) {
    let (kind, payload) = word.split_once(':').unwrap();
    (kind.parse().unwrap(), bytes(payload, 0))
}

fn stream(vector: &Vector) {
    let all = bytes(&vector.words[1], 0);
    let (fault, due) = if vector.verb == "bad" { (&vector.words[2][..], 3) } else { ("closed", 2) };
    let due: Vec<_> = vector.words[due..].iter().map(|word| frame(word)).collect();

    let (mut host, peer) = UnixStream::pair().unwrap();
    let mut peer = Stream::over_socket(peer.into());
    let bytes = all.clone();
    let writer = std::thread::spawn(move || {
        // One that has been refused does not take the rest.
        let _ = host.write_all(&bytes);
        host.shutdown(Shutdown::Write).unwrap();
        host
    });
    let mut read = Vec::new();
    let end = loop {
        match peer.receive_until(None) {
            Ok(Some(frame)) => read.push((frame.kind, frame.payload)),
            Ok(None) => unreachable!("there is no deadline"),
            Err(text) => break text,
        }
    };
    assert!(read == due);
    assert_eq!(name_of(&end), fault);
    drop(peer);
    drop(writer.join());
    if vector.verb != "good" {
        return;
    }

    let (mut host, peer) = UnixStream::pair().unwrap();
    let reader = std::thread::spawn(move || {
        let mut written = Vec::new();
        host.read_to_end(&mut written).unwrap();
        written
    });
    let mut peer = Stream::over_socket(peer.into());
    for (kind, payload) in due {
        peer.send(kind, &payload).unwrap();
    }
    while peer.has_backlog() {
        peer.flush().unwrap();
        std::thread::yield_now();
    }
    drop(peer);
    assert!(reader.join().unwrap() == all);
}

#[test]
fn the_vectors_of_the_handshake() {
    for vector in read("handshake.txt") {
        println!("{}", vector.name); // shown with a failure
        if vector.words[0] == "stream" {
            stream(&vector);
        } else {
            message(&vector);
        }
    }
}
