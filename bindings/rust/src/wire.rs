//! The messages of the control stream that a peer writes and reads, and those of a peer that listens, byte by byte:
//! docs/spec/handshake.md and peers.md.

use crate::layout::{is_ring, Layout};
use core::fmt;
use core::time::Duration;

pub(crate) mod kind {
    pub(crate) const HELLO: u16 = 1;
    pub(crate) const WELCOME: u16 = 2;
    pub(crate) const READY: u16 = 3;
    pub(crate) const REFUSED: u16 = 4;
    pub(crate) const RESOLVE: u16 = 5;
    pub(crate) const RESOLVED: u16 = 6;
    pub(crate) const FAILURE: u16 = 7;
    pub(crate) const GOODBYE: u16 = 8;
    pub(crate) const RING: u16 = 9;
    pub(crate) const LOG: u16 = 10;
    pub(crate) const OUTLIVE: u16 = 11;
    pub(crate) const INTRODUCE: u16 = 16;
    pub(crate) const INTRODUCED: u16 = 17;
    pub(crate) const PRESENCE: u16 = 18;
}

/// Why a handshake is refused.
pub(crate) mod refusal {
    pub(crate) const BAD_MAGIC: u16 = 1;
    pub(crate) const MALFORMED: u16 = 2;
    pub(crate) const VERSION: u16 = 3;
    pub(crate) const MISSING_FEATURE: u16 = 4;
    pub(crate) const RING_SIZE: u16 = 6;
    pub(crate) const UNKNOWN_NAME: u16 = 7;
    pub(crate) const DEADLINE: u16 = 9;
    pub(crate) const BUSY: u16 = 10;
    pub(crate) const BAD_SEGMENT: u16 = 11;
}

pub(crate) mod feature {
    pub(crate) const MAIL_OUTLIVES_PEER: u64 = 1;
    pub(crate) const ASYMMETRIC_BARRIER: u64 = 1 << 1;
    pub(crate) const STREAM_DOORBELL: u64 = 1 << 2;
    pub(crate) const PIPE_DOORBELL: u64 = 1 << 4;
    pub(crate) const INTRODUCTIONS: u64 = 1 << 6;
    pub(crate) const MONITORS: u64 = 1 << 7;
    pub(crate) const LOG: u64 = 1 << 8;
    pub(crate) const LARGE: u64 = 1 << 9;
    pub(crate) const EXACTLY_ONCE: u64 = 1 << 11;
    pub(crate) const OUTLIVES_HOST: u64 = 1 << 12;
}

pub(crate) const MAGIC: u32 = 0x314c_4d52;
pub(crate) const VERSION: u16 = 1;
pub(crate) const MOST_SEGMENTS: usize = 8;
const ROLES: core::ops::RangeInclusive<u8> = 1..=9;
const MOST_NAME: usize = 255;
const MOST_LANGUAGE: usize = 32;
const MOST_TOKEN: usize = 128;
const MOST_PATH: usize = 107;
const MOST_TEXT: usize = 16_384;
const MOST_SCHEMA: usize = 524_288;

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the other side sent {}", self.0)
    }
}

fn put_text(into: &mut Vec<u8>, text: &str) {
    into.extend((text.len() as u32).to_le_bytes());
    into.extend(text.as_bytes());
}

/// Control characters may not stand in a name.
fn is_name(text: &str, most: usize) -> bool {
    text.len() <= most && !text.chars().any(char::is_control)
}

/// A text that must arrive: cut to what fits, and without what is not allowed.
fn mended(text: &str) -> String {
    let mut fits = MOST_TEXT.min(text.len());
    while !text.is_char_boundary(fits) {
        fits -= 1;
    }
    text[..fits].replace('\0', "?")
}

pub(crate) struct Hello<'a> {
    pub(crate) features: u64,
    pub(crate) pid: u32,
    pub(crate) ring_bytes: u64,
    pub(crate) language: &'a str,
    pub(crate) name: &'a str,
    pub(crate) token: &'a str,
    pub(crate) schema: &'a str,
}

impl Hello<'_> {
    /// None: the name, the token or the schema cannot be one.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let fits = is_name(self.name, MOST_NAME) && is_name(self.token, MOST_TOKEN);
        if !fits || self.schema.len() > MOST_SCHEMA || self.schema.contains('\0') {
            return None;
        }
        let mut bytes = Vec::with_capacity(64 + self.schema.len());
        bytes.extend(MAGIC.to_le_bytes());
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.features.to_le_bytes());
        bytes.extend(self.pid.to_le_bytes());
        bytes.extend(self.ring_bytes.to_le_bytes());
        for text in [self.language, self.name, self.token, self.schema] {
            put_text(&mut bytes, text);
        }
        Some(bytes)
    }
}

/// A hello as it is read. Its text is good, and its numbers are still to be looked at.
pub(crate) struct Greeting {
    pub(crate) versions: core::ops::RangeInclusive<u16>,
    pub(crate) features: u64,
    pub(crate) ring_bytes: u64,
    pub(crate) language: String,
    pub(crate) name: String,
    pub(crate) schema: String,
}

impl Greeting {
    /// An error is a refusal: its code and its text.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, (u16, String)> {
        let malformed = |error: Malformed| (refusal::MALFORMED, error.to_string());
        let mut rest = Reader(payload);
        let magic = rest.u32().map_err(malformed)?;
        if magic != MAGIC {
            return Err((refusal::BAD_MAGIC, format!("hello: magic is {magic:#x}, not {MAGIC:#x}")));
        }
        Self::decode_rest(rest).map_err(malformed)
    }

    fn decode_rest(mut rest: Reader<'_>) -> Result<Self, Malformed> {
        let (least, most) = (rest.u16()?, rest.u16()?);
        if least == 0 || most < least {
            return Err(Malformed("a hello with a range of versions that is none"));
        }
        let features = rest.u64()?;
        let _pid = rest.u32()?;
        let ring_bytes = rest.u64()?;
        let language = rest.name(MOST_LANGUAGE)?;
        if language.is_empty() {
            return Err(Malformed("a hello without a language"));
        }
        let name = rest.name(MOST_NAME)?;
        let _token = rest.name(MOST_TOKEN)?;
        let schema = rest.text(MOST_SCHEMA)?;
        // A newer version may have more to say.
        if most <= VERSION {
            rest.end()?;
        }
        Ok(Self { versions: least..=most, features, ring_bytes, language, name, schema })
    }
}

/// Whether a peer can be looked up by it.
pub(crate) fn is_lookup_name(name: &str) -> bool {
    !name.is_empty() && is_name(name, MOST_NAME)
}

/// None: it is not a name, and the host would end the link over it.
pub(crate) fn resolve(request: u32, name: &str) -> Option<Vec<u8>> {
    if !is_lookup_name(name) {
        return None;
    }
    let mut bytes = request.to_le_bytes().to_vec();
    put_text(&mut bytes, name);
    Some(bytes)
}

pub(crate) fn failure(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_text(&mut bytes, &mended(text));
    bytes
}

pub(crate) fn log(level: u8, text: &str) -> Vec<u8> {
    let mut bytes = vec![level];
    put_text(&mut bytes, &mended(text));
    bytes
}

pub(crate) fn refused(code: u16, text: &str) -> Vec<u8> {
    let mut bytes = code.to_le_bytes().to_vec();
    put_text(&mut bytes, &mended(text));
    bytes
}

pub(crate) fn ring(lane: u32) -> Vec<u8> {
    lane.to_le_bytes().to_vec()
}

/// That a lane to another peer is read, where there is no text; else why it is not, or no more.
pub(crate) fn introduced(lane: u32, text: &str) -> Vec<u8> {
    let mut bytes = lane.to_le_bytes().to_vec();
    put_text(&mut bytes, &mended(text));
    bytes
}

pub(crate) fn resolved(request: u32, mailbox: Option<u64>) -> Vec<u8> {
    let mut bytes = request.to_le_bytes().to_vec();
    bytes.push(mailbox.is_some().into());
    bytes.extend(mailbox.unwrap_or(0).to_le_bytes());
    bytes
}

pub(crate) struct Segment {
    pub(crate) role: u8,
    pub(crate) bytes: u64,
    pub(crate) host_fd: u32,
}

pub(crate) struct Welcome {
    pub(crate) version: u16,
    pub(crate) features: u64,
    pub(crate) incarnation: u64,
    pub(crate) line_bytes: u32,
    pub(crate) layout: Layout,
    pub(crate) name: String,
    pub(crate) schema: String,
    pub(crate) host_pid: u32,
    pub(crate) segments: Vec<Segment>,
}

impl Welcome {
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Reader(payload);
        let welcome = Self {
            version: rest.u16()?,
            features: rest.u64()?,
            incarnation: rest.u64()?,
            line_bytes: rest.u32()?,
            layout: Layout { lanes: rest.u32()?, mail_to_peer: rest.u64()?, mail_to_host: rest.u64()?, control: rest.u64()? },
            name: rest.text(MOST_NAME)?,
            schema: rest.text(MOST_SCHEMA)?,
            host_pid: rest.u32()?,
            segments: rest.segments()?,
        };
        if !is_lookup_name(&welcome.name) {
            return Err(Malformed("a welcome with a name that is none"));
        }
        rest.end()?;
        Ok(welcome)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let Layout { lanes, mail_to_peer, mail_to_host, control } = self.layout;
        let mut bytes = Vec::with_capacity(128 + self.schema.len());
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.features.to_le_bytes());
        bytes.extend(self.incarnation.to_le_bytes());
        bytes.extend(self.line_bytes.to_le_bytes());
        bytes.extend(lanes.to_le_bytes());
        for ring in [mail_to_peer, mail_to_host, control] {
            bytes.extend(ring.to_le_bytes());
        }
        put_text(&mut bytes, &self.name);
        put_text(&mut bytes, &self.schema);
        bytes.extend(self.host_pid.to_le_bytes());
        bytes.push(self.segments.len() as u8);
        for segment in &self.segments {
            bytes.push(segment.role);
            bytes.extend(segment.bytes.to_le_bytes());
            bytes.extend(segment.host_fd.to_le_bytes());
        }
        bytes
    }
}

/// Whether a host's schema can stand in its welcome.
pub(crate) fn is_schema(text: &str) -> bool {
    text.len() <= MOST_SCHEMA && !text.contains('\0')
}

pub(crate) struct Refused {
    pub(crate) code: u16,
    pub(crate) text: String,
}

impl Refused {
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Reader(payload);
        let refused = Self { code: rest.u16()?, text: rest.text(MOST_TEXT)? };
        rest.end()?;
        Ok(refused)
    }
}

/// For how long the next host is looked for, and where, and what is said there.
pub(crate) struct Outlive {
    pub(crate) time: Duration,
    pub(crate) path: String,
    pub(crate) token: String,
}

impl Outlive {
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Reader(payload);
        let time = Duration::from_nanos(rest.u64()?);
        let outlive = Self { time, path: rest.name(MOST_PATH)?, token: rest.name(MOST_TOKEN)? };
        if outlive.path.is_empty() {
            return Err(Malformed("a path of nobody"));
        }
        rest.end()?;
        Ok(outlive)
    }
}

pub(crate) struct Resolved {
    pub(crate) request: u32,
    pub(crate) mailbox: Option<u64>,
}

impl Resolved {
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Reader(payload);
        let (request, found, mailbox) = (rest.u32()?, rest.array::<1>()?[0], rest.u64()?);
        rest.end()?;
        match found {
            0 if mailbox == 0 => Ok(Self { request, mailbox: None }),
            1 => Ok(Self { request, mailbox: Some(mailbox) }),
            _ => Err(Malformed("a resolved that contradicts itself")),
        }
    }
}

/// A name that is asked for.
pub(crate) struct Resolve {
    pub(crate) request: u32,
    pub(crate) name: String,
}

impl Resolve {
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Reader(payload);
        let resolve = Self { request: rest.u32()?, name: rest.lookup_name()? };
        rest.end()?;
        Ok(resolve)
    }
}

/// Last words.
pub(crate) fn decode_failure(payload: &[u8]) -> Result<String, Malformed> {
    let mut rest = Reader(payload);
    let text = rest.text(MOST_TEXT)?;
    rest.end()?;
    Ok(text)
}

/// A lane to another peer, which comes with descriptors.
pub(crate) struct Introduce {
    pub(crate) lane: u32,
    pub(crate) name: String,
    pub(crate) mail_bytes: u64,
    pub(crate) control_bytes: u64,
}

impl Introduce {
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Reader(payload);
        let (lane, name) = (rest.u32()?, rest.lookup_name()?);
        let introduce = Self { lane, name, mail_bytes: rest.u64()?, control_bytes: rest.u64()? };
        if !is_ring(introduce.mail_bytes) || !is_ring(introduce.control_bytes) {
            return Err(Malformed("an introduction with rings of no size of one"));
        }
        rest.end()?;
        Ok(introduce)
    }
}

/// What has become of the other peer of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Its process is dead, and another one is to come.
    Away,
    There,
    /// There is none any more.
    Ended,
}

impl Presence {
    /// Of a lane.
    pub(crate) fn decode(payload: &[u8]) -> Result<(u32, Self), Malformed> {
        let mut rest = Reader(payload);
        let (lane, state) = (rest.u32()?, rest.array::<1>()?[0]);
        rest.end()?;
        match state {
            0 => Ok((lane, Presence::Away)),
            1 => Ok((lane, Presence::There)),
            2 => Ok((lane, Presence::Ended)),
            _ => Err(Malformed("a presence that is none")),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        if bytes > self.0.len() {
            return Err(Malformed("a message that ends inside of a field"));
        }
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        Ok(self.take(N)?.try_into().expect("as many as were taken"))
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn text(&mut self, most: usize) -> Result<String, Malformed> {
        let length = self.u32()? as usize;
        if length > most {
            return Err(Malformed("a text that is too long"));
        }
        match String::from_utf8(self.take(length)?.to_vec()) {
            Ok(text) if !text.contains('\0') => Ok(text),
            _ => Err(Malformed("a text that is not UTF-8, or has a NUL")),
        }
    }

    fn name(&mut self, most: usize) -> Result<String, Malformed> {
        self.text(most).and_then(|text| if is_name(&text, most) { Ok(text) } else { Err(Malformed("a name that is none")) })
    }

    fn lookup_name(&mut self) -> Result<String, Malformed> {
        let name = self.name(MOST_NAME)?;
        if name.is_empty() {
            return Err(Malformed("a name of nobody"));
        }
        Ok(name)
    }

    fn segments(&mut self) -> Result<Vec<Segment>, Malformed> {
        let count = usize::from(self.array::<1>()?[0]);
        if count > MOST_SEGMENTS {
            return Err(Malformed("too many segments"));
        }
        let mut segment = || {
            let role = self.array::<1>()?[0];
            if !ROLES.contains(&role) {
                return Err(Malformed("a segment of an unknown role"));
            }
            Ok(Segment { role, bytes: self.u64()?, host_fd: self.u32()? })
        };
        (0..count).map(|_| segment()).collect()
    }

    fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed("a message with bytes left over"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_begins_as_the_specification_shows() {
        let hello = Hello {
            features: 0x0102030405060708,
            pid: 0x0a0b0c0d,
            ring_bytes: 4096,
            language: "rust",
            name: "n",
            token: "",
            schema: "s",
        };
        let mut expected = b"RML1\x01\0\x01\0\x08\x07\x06\x05\x04\x03\x02\x01\x0d\x0c\x0b\x0a\0\x10\0\0\0\0\0\0".to_vec();
        expected.extend(b"\x04\0\0\0rust\x01\0\0\0n\0\0\0\0\x01\0\0\0s");
        assert_eq!(hello.encode().unwrap(), expected);
    }

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        assert!(resolve(1, "sink").is_some() && resolve(1, "größer").is_some());
        for name in ["", "a\nb", "\u{85}", &"x".repeat(256)] {
            assert!(resolve(1, name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn last_words_are_cut_between_two_characters() {
        let bytes = failure(&format!("\0{}", "ü".repeat(10_000)));
        let mut rest = Reader(&bytes);
        let text = rest.text(MOST_TEXT).unwrap();
        assert_eq!((text.len(), text.starts_with('?')), (16_383, true));
    }

    #[test]
    fn every_end_but_the_right_one_is_refused() {
        let mut whole = vec![7, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Resolved::decode(&whole).unwrap().mailbox, Some(5));
        for end in 0..whole.len() {
            assert!(Resolved::decode(&whole[..end]).is_err());
        }
        whole.push(0);
        assert!(Resolved::decode(&whole).is_err());
        assert!(Resolved::decode(&[7, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(Resolved::decode(&[7, 0, 0, 0, 2, 5, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }

    /// Any bytes are read without a panic, and refused by one line.
    #[test]
    fn a_welcome_of_noise_is_refused() {
        let mut state = 1u64;
        for round in 0..2000 {
            let bytes: Vec<u8> = (0..round % 120)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                    (state >> 60) as u8
                })
                .collect();
            assert!(Welcome::decode(&bytes).is_err() || bytes.len() > 71);
        }
    }
}
