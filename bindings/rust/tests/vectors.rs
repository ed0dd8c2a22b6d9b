//! The vectors of bindings/vectors, by generated code.

#[path = "support/vectors_mail.rs"]
mod vectors_mail;

use core::fmt::Debug;
use ringmail::Message;
use std::collections::BTreeMap;
use vectors_mail::{Arrays, Both, Content, Empty, Grown1, Grown2, Grown3, Numbers, Options, Point, Presets, Side, Wide};

fn written<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0xee; message.encoded_size()];
    message.write(&mut bytes);
    bytes
}

/// A message of any type.
trait Value {
    fn name(&self) -> &'static str;
    fn written(&self) -> Vec<u8>;
    /// What these bytes hold, as a message of the same type.
    fn read(&self, bytes: &[u8]) -> Option<Box<dyn Value>>;
    fn is(&self, other: &dyn Value) -> bool;
    fn text(&self) -> String;
}

impl<M: Message + Debug + PartialEq> Value for M
where
    for<'a> M: From<M::View<'a>>,
    for<'a> M::View<'a>: Debug,
{
    fn name(&self) -> &'static str {
        M::NAME.rsplit('.').next().unwrap()
    }
    fn written(&self) -> Vec<u8> {
        written(self)
    }
    fn read(&self, bytes: &[u8]) -> Option<Box<dyn Value>> {
        let view = M::try_view(bytes)?;
        let message: M = view.into();
        assert_eq!(format!("{view:?}"), format!("{message:?}"));
        Some(Box::new(message))
    }
    fn is(&self, other: &dyn Value) -> bool {
        // Both are of one type, so their texts tell them apart.
        self.name() == other.name() && self.text() == other.text()
    }
    fn text(&self) -> String {
        format!("{self:?}")
    }
}

#[derive(Default)]
struct Values(BTreeMap<&'static str, Box<dyn Value>>);

impl Values {
    fn add(&mut self, name: &'static str, value: impl Value + 'static) {
        assert!(self.0.insert(name, Box::new(value)).is_none());
    }
}

fn values() -> BTreeMap<&'static str, Box<dyn Value>> {
    let points = |points: &[(i32, i16)]| points.iter().map(|&(x, y)| Point { x, y }).collect::<Vec<_>>();
    let mut values = Values::default();
    values.add(
        "numbers_most",
        Numbers {
            a: u8::MAX,
            b: u16::MAX,
            c: u32::MAX,
            d: u64::MAX,
            e: i8::MIN,
            f: i16::MIN,
            g: i32::MIN,
            h: i64::MIN,
            i: 1.5,
            j: -2.25,
            k: true,
            l: Side::Ask,
            m: Wide::Low,
        },
    );
    values.add(
        "numbers_high",
        Numbers { e: i8::MAX, f: i16::MAX, g: i32::MAX, h: i64::MAX, l: Side::Bid, m: Wide::High, ..Numbers::default() },
    );
    values.add("empty", Empty {});
    values.add(
        "arrays",
        Arrays {
            numbers: [1, 2, 65535],
            sides: [Side::Bid, Side::Ask],
            name: "abcde".into(),
            names: ["é".into(), "xyz".into()],
            points: [Point { x: -1, y: 2 }, Point { x: 3, y: -4 }],
            raw: [0, 1, 254, 255],
        },
    );
    values.add("presets_new", Presets::default());
    values.add("presets_set", Presets { a: 0, b: 0, c: 0.0, d: 0.0, e: false, f: Side::Bid, g: "".into(), h: 9 });
    values.add("options_none", Options::default());
    values.add(
        "options_zero",
        Options {
            a: Some(0),
            b: Some(0),
            c: Some(0.0),
            d: Some(false),
            e: Some(Side::Bid),
            f: Some("".into()),
            g: Some(Point::default()),
        },
    );
    values.add(
        "options_all",
        Options {
            a: Some(u8::MAX),
            b: Some(u64::MAX),
            c: Some(-0.5),
            d: Some(true),
            e: Some(Side::Ask),
            f: Some("abc".into()),
            g: Some(Point { x: -1, y: 2 }),
        },
    );
    values.add("content_empty", Content { id: 1, ..Content::default() });
    values.add(
        "content_full",
        Content {
            id: 2,
            title: "héllo".into(),
            raw: vec![0, 255, 7],
            numbers: vec![1, u64::MAX],
            points: points(&[(-1, 2), (3, -4), (5, 6)]),
            sides: vec![Side::Ask, Side::Bid, Side::Ask],
            names: vec!["a".into(), "".into(), "xyz".into()],
            flags: vec![true, false, true],
        },
    );
    values.add("content_some", Content { id: 3, numbers: vec![5], flags: vec![true], ..Content::default() });
    values.add("content_two", Content { id: 4, title: "abc".into(), raw: b"abc".to_vec(), ..Content::default() });
    values.add("both_none", Both::default());
    let empty = Both { title: Some("".into()), raw: Some(vec![]), numbers: Some(vec![]), limit: Some(0) };
    values.add("both_empty", empty);
    let all = Both { title: Some("t".into()), raw: Some(vec![9]), numbers: Some(vec![1, 2, 3]), limit: Some(4) };
    values.add("both_all", all);
    values.add("grown_1", Grown1 { number: 5, flag: true });
    let grown_2 = Grown2 { number: 5, flag: true, count: 9, title: "two".into() };
    values.add("grown_2", grown_2);
    let of_2 = Grown3 { number: 5, flag: true, count: 9, title: "two".into(), ..Grown3::default() };
    values.add("grown_3", Grown3 { limit: Some(2.5), side: Side::Bid, numbers: vec![1, 2], ..of_2.clone() });
    values.add("grown_2_from_1", Grown2 { number: 5, flag: true, ..Grown2::default() });
    values.add("grown_3_from_1", Grown3 { number: 5, flag: true, ..Grown3::default() });
    values.add("grown_3_from_2", of_2);
    values.0
}

struct Vector {
    kind: &'static str,
    name: &'static str,
    message: &'static str,
    bytes: Vec<u8>,
    good: Option<&'static str>,
}

fn vectors() -> impl Iterator<Item = Vector> {
    let lines = include_str!("../../vectors/vectors.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("{line}"));
        let (kind, name, message, hex) = (word(), word(), word(), word().trim_matches('-'));
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        Vector { kind, name, message, bytes: (0..hex.len()).step_by(2).map(byte).collect(), good: words.next() }
    })
}

#[test]
fn every_good_one_is_written_and_read() {
    let values = values();
    let mut good = 0;
    for Vector { name, message, bytes, .. } in vectors().filter(|vector| vector.kind == "good") {
        let value = &values[name];
        assert_eq!((value.name(), value.written()), (message, bytes.clone()), "{name}");
        assert!(value.is(&*value.read(&bytes).unwrap()), "{name}: {}", value.text());
        good += 1;
    }
    assert_eq!(good, values.len());
}

#[test]
fn every_other_form_is_read_as_the_good_one() {
    let values = values();
    for Vector { name, bytes, good, .. } in vectors().filter(|vector| vector.kind == "read") {
        let value = &values[good.unwrap()];
        let read = value.read(&bytes).unwrap_or_else(|| panic!("{name}"));
        assert!(value.is(&*read), "{name}: {}", read.text());
        assert_eq!(value.written(), read.written(), "{name}");
    }
}

#[test]
fn every_bad_one_is_refused() {
    let values = values();
    for Vector { name, message, bytes, .. } in vectors().filter(|vector| vector.kind == "bad") {
        let value = values.values().find(|value| value.name() == message).unwrap();
        assert!(value.read(&bytes).is_none(), "{name}");
    }
}

/// Whatever stands there, it is read or refused: no index is out of bounds, no enum of a number that is not declared.
#[test]
fn bytes_that_are_cut_or_changed_are_read_or_refused() {
    let values = values();
    for Vector { message, bytes, .. } in vectors() {
        let value = values.values().find(|value| value.name() == message).unwrap();
        for at in 0..bytes.len() {
            value.read(&bytes[..at]);
            for byte in [0, 1, 2, 7, 0x7f, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = byte;
                value.read(&bytes);
            }
        }
    }
}
