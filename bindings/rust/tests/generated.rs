//! Generated code: that it is current, that it compiles, and what it does with bytes.

#[path = "../examples/conformance_mail.rs"]
mod conformance_mail;
#[path = "../../../tests/tools/golden/market.mail.rs"]
mod market;

use market::{Leg, Limit, Mask, Side, Tick};
use ringmail::{Field, Message};
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

/// RINGMAIL_TOOL, or the tool in a build folder of this clone. Without one there is nothing to compare with.
#[test]
fn the_messages_of_the_examples_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let given = std::env::var_os("RINGMAIL_TOOL").map(Into::into);
    let builds = ["dev", "release"].map(|preset| root.join(format!("build/{preset}/tools/ringmail")));
    let Some(tool) = given.or_else(|| builds.into_iter().find(|path| path.exists())) else {
        return eprintln!("not compared: there is no ringmail tool");
    };
    let source = root.join("bindings/conformance/conformance.mail");
    let output = Command::new(tool).args(["gen", "--lang", "rust"]).arg(source).output().unwrap();
    assert!(output.status.success());
    let current = String::from_utf8(output.stdout).unwrap();
    let schema = conformance_mail::SCHEMA;
    assert!(current == include_str!("../examples/conformance_mail.rs"), "generate it again; it is of the schema {schema}");
}
