//! Generated code: that it is current, that it compiles, and what it does with bytes.

#[path = "../../../tests/tools/golden/market.mail.rs"]
mod market;
#[path = "support/odd_mail.rs"]
mod odd_mail;

use market::{Leg, Limit, Mask, Side, Tick};
use ringmail::{Field, Format, Message};
use std::path::Path;
use std::process::Command;

fn tick() -> Tick {
    Tick {
        time: 0x0102030405060708,
        price: 1.5,
        side: Side::Ask,
        live: true,
        symbol: "Größe".into(),
        legs: [Leg { ratio: -2, weights: [0.5, 1.5], open: true }; 2],
        limit: Limit::Least,
        mask: Mask::All,
        sides: [Side::Bid, Side::Ask, Side::Bid],
        codes: ["abc".into(), "d".into()],
        ..Tick::default()
    }
}

fn bytes() -> [u8; Tick::SIZE] {
    let mut bytes = [0xee; Tick::SIZE];
    tick().write(&mut bytes);
    bytes
}

#[test]
fn fields_lie_where_the_schema_says() {
    let bytes = bytes();
    assert_eq!((Tick::SIZE, Tick::TYPE, Tick::NAME), (120, 0xc8aa_8e68, "test.market.Tick"));
    assert_eq!(bytes[..8], [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!((bytes[20], bytes[21], &bytes[22..29]), (1, 1, "Größe".as_bytes()));
    assert_eq!(bytes[40..42], [0xfe, 0xff]);
    assert_eq!(bytes[38..40], [0, 0], "padding is written as zeroes");
    assert_eq!(bytes[72..88], [0, 0, 0, 0, 0, 0, 0, 0x80, 255, 255, 255, 255, 255, 255, 255, 255]);
    assert!(Tick::SCHEMA.contains("  field codes text<3>[2] offset 94\n"));
}

#[test]
fn a_view_reads_what_was_written() {
    let bytes = bytes();
    let view = Tick::try_view(&bytes).unwrap();
    assert_eq!((view.price(), view.side(), view.limit()), (1.5, Side::Ask, Limit::Least));
    assert_eq!(view.symbol(), "Größe");
    assert_eq!(view.legs().iter().map(|leg| leg.weights().get(1)).collect::<Vec<_>>(), [Some(1.5), Some(1.5)]);
    assert_eq!(view.codes().get(1).unwrap(), "d");
    assert_eq!(Tick::from(view), tick());
    assert_eq!(format!("{view:?}"), format!("{:?}", tick()));
}

#[test]
fn an_edit_writes_in_place() {
    let mut bytes = [0; Tick::SIZE];
    let mut edit = Tick::edit(&mut bytes);
    edit.legs().get_mut(1).unwrap().weights().get_mut(0).unwrap().set(2.5);
    edit.best().open().set(true);
    edit.mask().set(Mask::All);
    let read = Tick::read(&bytes);
    assert_eq!((read.legs[1].weights, read.best.open, read.mask), ([2.5, 0.0], true, Mask::All));
}

#[test]
fn what_is_no_value_is_no_message() {
    assert!(Tick::try_view(&bytes()).is_some());
    assert!(Tick::try_view(&bytes()[..119]).is_none());
    // An enum, a bool, a bool of the second element of an array, enums of 64 bits, arrays of both, a bool inside of a message.
    for at in [20, 21, 40 + 16 + 12, 72, 80, 89, 92, 112] {
        let mut bytes = bytes();
        bytes[at] = 0x77;
        assert!(Tick::try_view(&bytes).is_none(), "at {at}");
    }
    // Padding is ignored, and any bytes are a text.
    for at in [30, 38, 53, 98] {
        let mut bytes = bytes();
        bytes[at] = 0x77;
        assert!(Tick::try_view(&bytes).is_some(), "at {at}");
    }
}

#[test]
fn an_enum_starts_as_0_or_as_its_first_value() {
    assert_eq!((Side::default(), Limit::default(), Mask::default()), (Side::Bid, Limit::None, Mask::Empty));
    assert_eq!((Limit::from_number(7), Limit::from_number(8)), (Some(Limit::Default), None));
}

#[test]
fn words_of_rust_are_raw() {
    let words = market::Words { class: 1, int: 2, errno: 3, side: Side::Ask };
    let mut bytes = [0; 6];
    words.write(&mut bytes);
    assert_eq!(market::Words::try_view(&bytes).unwrap().class(), 1);
}

#[test]
fn what_was_not_sent_has_its_default() {
    for length in [0, 8, 16, 24, 184, 216, 280, 320, 328] {
        let bytes = &new_fixed()[..length];
        let view = odd_mail::Fixed::try_view(bytes).unwrap_or_else(|| panic!("{length}"));
        assert_eq!(odd_mail::Fixed::from(view), odd_mail::Fixed::default());
    }
    assert!([1, 7, 9, 335].iter().all(|length| odd_mail::Fixed::try_view(&new_fixed()[..*length]).is_none()));

    let view = odd_mail::Fixed::try_view(&[]).unwrap();
    assert_eq!((view.number(), view.side(), view.text()), (i64::MIN, odd_mail::Option::Some, "ab".into()));
    assert_eq!((view.sides().get(1), view.zeros().len()), (Some(odd_mail::Option::Some), 40));
    let nested = view.all().get(1).unwrap();
    assert_eq!((nested.a(), nested.b(), nested.c()), (200, odd_mail::Option::HalfOpen, 2.0));
    assert_eq!((nested.d(), nested.e(), nested.f()), ("x\"\\".into(), true, None));
}

fn new_fixed() -> [u8; 336] {
    let mut bytes = [0xee; 336];
    odd_mail::Fixed::start(&mut bytes, &());
    bytes
}

#[test]
fn content_is_written_in_place() {
    let lengths = odd_mail::lengths::Variable { title: Some(3), raw: 2, list: 1, ..Default::default() };
    let mut bytes = vec![0xee; odd_mail::Variable::size_of(&lengths)];
    odd_mail::Variable::start(&mut bytes, &lengths);
    let mut edit = odd_mail::Variable::edit(&mut bytes);
    edit.first().set(1);
    edit.title().unwrap().copy_from_slice(b"abc");
    edit.raw().copy_from_slice(&[4, 5]);
    edit.list().copy_from_slice(&[odd_mail::String::default()]);
    assert!(edit.maybe().is_none());
    let expected = odd_mail::Variable {
        first: 1,
        title: Some("abc".into()),
        raw: vec![4, 5],
        list: vec![odd_mail::String::default()],
        maybe: None,
        last: odd_mail::Option::HalfOpen,
    };
    assert_eq!(odd_mail::Variable::from(odd_mail::Variable::try_view(&bytes).unwrap()), expected);
    let mut written = vec![0xee; expected.encoded_size()];
    expected.write(&mut written);
    assert_eq!(written, bytes, "in place or from a struct, the bytes are the same");
}

#[test]
fn a_text_that_is_not_utf8_is_shown_as_such() {
    let vec = odd_mail::Vec { r#type: vec![], lengths: Some(vec!["ab".into(), "c".into()]), self_: vec![0xff] };
    let mut bytes = vec![0; vec.encoded_size()];
    vec.write(&mut bytes);
    assert_eq!(odd_mail::Vec::from(odd_mail::Vec::try_view(&bytes).unwrap()), vec);
    let title = odd_mail::Variable { title: Some("abc".into()), ..Default::default() };
    let mut bytes = vec![0; title.encoded_size()];
    title.write(&mut bytes);
    *bytes.last_mut().unwrap() = 0xff;
    let view = odd_mail::Variable::try_view(&bytes).unwrap();
    assert_eq!(view.title().unwrap().as_bytes(), b"ab\xff");
    assert_eq!(odd_mail::Variable::from(view).title.unwrap(), "ab\u{fffd}");
}

/// RINGMAIL_TOOL, or the tool in a build folder of this clone. Without one there is nothing to compare with.
#[test]
fn what_is_generated_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let given = std::env::var_os("RINGMAIL_TOOL").map(Into::into);
    let builds = ["dev", "release"].map(|preset| root.join(format!("build/{preset}/tools/ringmail")));
    let Some(tool) = given.or_else(|| builds.into_iter().find(|path| path.exists())) else {
        return eprintln!("not compared: there is no ringmail tool");
    };
    for (source, generated) in [
        ("conformance/conformance.mail", "examples/conformance_mail.rs"),
        ("vectors/vectors.mail", "tests/support/vectors_mail.rs"),
        ("rust/tests/support/odd.mail", "tests/support/odd_mail.rs"),
    ] {
        let output = Command::new(&tool).args(["gen", "--lang", "rust"]).arg(root.join("bindings").join(source)).output();
        let current = String::from_utf8(output.unwrap().stdout).unwrap();
        let path = root.join("bindings/rust").join(generated);
        assert!(current == std::fs::read_to_string(&path).unwrap(), "generate it again: {}", path.display());
    }
}
