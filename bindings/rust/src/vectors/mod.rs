//! The vectors of bindings/vectors that are about frames and the handshake. Its README.md says what stands in them.

mod frames;
mod handshake;

use std::collections::BTreeMap;

/// A line: what is done with it, its name, and the other words.
struct Vector {
    verb: String,
    name: String,
    words: Vec<String>,
}

fn read(file: &str) -> Vec<Vector> {
    let path = format!("{}/../vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let vector = |line: &str| {
        let mut words = line.split_whitespace().map(String::from);
        Vector { verb: words.next().unwrap(), name: words.next().unwrap(), words: words.collect() }
    };
    lines.map(vector).collect()
}

/// Pieces that are joined by `+`, each of which may be repeated by `*`.
fn pieces(word: &str, one: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    let repeated = |piece: &str| match piece.split_once('*') {
        Some((what, times)) => one(what).repeat(times.parse().unwrap()),
        None => one(piece),
    };
    word.split('+').flat_map(repeated).collect()
}

fn hexadecimal(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).unwrap_or_else(|error| panic!("{digits}: {error}"))
}

/// Of hexadecimal digits; where there are dots stands `any`.
fn bytes(word: &str, any: u8) -> Vec<u8> {
    let byte = |digits: &[u8]| match digits {
        b".." => any,
        _ => hexadecimal(std::str::from_utf8(digits).unwrap()) as u8,
    };
    match word {
        "-" => Vec::new(),
        _ => pieces(word, |piece| piece.as_bytes().chunks(2).map(byte).collect()),
    }
}

/// The words NAME=VALUE. A value's bytes may be no text.
fn fields(words: &[String]) -> BTreeMap<String, Vec<u8>> {
    let unescaped = |piece: &str| {
        let mut parts = piece.split('%');
        let mut text = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            text.push(hexadecimal(&part[..2]) as u8);
            text.extend(&part.as_bytes()[2..]);
        }
        text
    };
    let field = |word: &String| {
        let (name, value) = word.split_once('=').unwrap();
        (name.into(), pieces(value, unescaped))
    };
    words.iter().map(field).collect()
}
