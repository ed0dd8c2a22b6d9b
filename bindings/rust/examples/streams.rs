//! What bench/languages measures of Rust without generated code: a question and streams, by the bytes of docs/spec/message.md.

use ringmail::{type_id, Failure, Mail, Options, Peer, Wait};

const PING: u32 = type_id("conformance.Ping");
const BULK: u32 = type_id("conformance.Bulk");
const STREAM: u32 = type_id("conformance.Stream");
const GET: u32 = type_id("conformance.Get");
const SUM: u32 = type_id("conformance.Sum");

// Ping and Bulk start with their number, Stream with its count, which its payload follows; Sum with its count.
const PING_SIZE: usize = 32;
const BULK_SIZE: usize = 1024;
const STREAM_SIZE: usize = 16;
const SUM_SIZE: usize = 24;
const PAYLOAD_OFFSET: usize = 8;
const PAYLOAD_PING: u8 = 1;

fn main() -> std::process::ExitCode {
    ringmail::main(Options::new(), |peer: &Peer| {
        let sink = peer.lookup("sink")?;
        let mut count = 0_u64;
        Ok(move |mail: &Mail<'_>| -> Result<(), Failure> {
            let payload = mail.payload();
            match (mail.type_id(), payload.len()) {
                (PING, PING_SIZE) | (BULK, BULK_SIZE) => match mail.later() {
                    Some(asked) => asked.reply_bytes(mail.peer(), mail.type_id(), payload)?,
                    None => count += 1,
                },
                (GET, _) => {
                    if let Some(asked) = mail.later() {
                        let mut sum = [0; SUM_SIZE];
                        sum[..8].copy_from_slice(&count.to_le_bytes());
                        asked.reply_bytes(mail.peer(), SUM, &sum)?;
                    }
                }
                (STREAM, STREAM_SIZE) => {
                    let pings = payload[PAYLOAD_OFFSET] == PAYLOAD_PING;
                    let (type_id, size) = if pings { (PING, PING_SIZE) } else { (BULK, BULK_SIZE) };
                    for number in 0..u64::from_le_bytes(payload[..8].try_into()?) {
                        let mut room = mail.peer().loan_bytes(sink, size, Wait::Forever)?;
                        room[..8].copy_from_slice(&number.to_le_bytes());
                        room[8..].fill(0);
                        room.send(type_id);
                    }
                }
                _ => mail.unknown()?,
            }
            Ok(())
        })
    })
}
