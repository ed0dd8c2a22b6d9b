//! The messages of the handshake, and the stream that they come by.

use super::{bytes, fields, read, Vector};
use crate::join;
use crate::stream::Stream;
use crate::wire::{self, feature, Hello, Malformed, Refused, Resolved, Welcome};
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

fn decoded(message: &str, payload: &[u8]) -> Option<Result<Fields, Malformed>> {
    Some(match message {
        "welcome" => Welcome::decode(payload).map(|w| {
            let entry = |s: &wire::Segment| format!("{}:{}:{}", s.role, s.bytes, s.host_fd);
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
        "refused" => Refused::decode(payload).map(|r| made_of(&[("code", &r.code), ("text", &r.text)])),
        "resolved" => Resolved::decode(payload).map(|r| {
            let (found, mailbox) = (u8::from(r.mailbox.is_some()), r.mailbox.unwrap_or(0));
            made_of(&[("request", &r.request), ("found", &found), ("mailbox", &mailbox)])
        }),
        _ => return None,
    })
}

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
        "ready" | "goodbye" => Vec::new(),
        "refused" => wire::refused(number("code") as u16, text("text")?),
        "resolve" => wire::resolve(number("request") as u32, text("name")?).unwrap(),
        "failure" => wire::failure(text("text")?),
        "ring" => wire::ring(number("lane") as u32),
        "log" => wire::log(number("level") as u8, text("text")?),
        _ => return None,
    })
}

fn offered() -> u64 {
    // All that this binding may offer.
    feature::MAIL_OUTLIVES_PEER
        | feature::ASYMMETRIC_BARRIER
        | feature::STREAM_DOORBELL
        | feature::PIPE_DOORBELL
        | feature::MONITORS
        | feature::LOG
}

fn message(vector: &Vector) {
    let payload = bytes(&vector.words[1], 0);
    let read = decoded(&vector.words[0], &payload);
    match &vector.verb[..] {
        // The sizes are compared with the layout's where segments are mapped.
        "unfit" if vector.name.starts_with("welcome_segment_of") => {}
        "unfit" if vector.words[0] == "welcome" => {
            let welcome = Welcome::decode(&payload).map_err(|error| error.to_string());
            assert!(join::check(&welcome.unwrap(), offered()).is_err());
        }
        "unfit" => {}
        "bad" => {
            if let Some(read) = read {
                assert_eq!(name_of(&read.expect_err("it is read").to_string()), vector.words[2]);
            }
        }
        verb => {
            let due = fields(&vector.words[2..]);
            if let Some(read) = read {
                let read = read.unwrap();
                assert!(verb == "write" || read == due);
            }
            if verb == "good" && vector.words[0] == "welcome" {
                let welcome = Welcome::decode(&payload).unwrap();
                assert!(welcome.features & !offered() != 0 || join::check(&welcome, offered()).is_ok());
            }
            if verb != "read" {
                assert!(encoded(&vector.words[0], &due).map_or(true, |written| written == payload));
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
