//! A host for the peers under test: bindings/python/tests/host.cpp, which is told what to do line by line.
#![allow(dead_code)] // each test uses some of it

#[path = "../../examples/conformance_mail.rs"]
pub mod conformance_mail;
pub mod place;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{channel, Receiver};
use std::sync::Mutex;
use std::time::Duration;

use ringmail::Message;

const WATCHDOG: Duration = Duration::from_secs(30);

const SCENARIO: &str = "RINGMAIL_TEST_SCENARIO";

/// What a process under a host does.
pub type Scenario = fn() -> Result<(), ringmail::Failure>;

/// Of the test that is a scenario when it runs under a host, and nothing otherwise.
pub fn play(scenarios: &[(&str, Scenario)]) {
    let Ok(name) = std::env::var(SCENARIO) else { return };
    let play = scenarios.iter().find(|(each, _)| *each == name).map(|(_, play)| play);
    let done = play.unwrap_or_else(|| panic!("there is no scenario {name}"))();
    std::process::exit(done.map_or_else(
        |failure| {
            eprintln!("{failure:?}");
            1
        },
        |()| 0,
    ));
}

/// This very program, to play a scenario.
pub fn player(scenario: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["plays_a_scenario", "--exact", "--nocapture"]).env(SCENARIO, scenario);
    command
}

/// The number that the tests give to the mailbox `sink`.
pub const SINK: u64 = 12345;

fn bindings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The folder of what is built: target/debug, or its like.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// The conformance peer. `cargo test --test NAME` alone does not build examples, and an old one would mislead.
pub fn conformance_peer() -> PathBuf {
    static PROGRAM: Mutex<Option<PathBuf>> = Mutex::new(None);
    let build = || {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--example", "conformance"]).arg("--target-dir").arg(built().parent().unwrap());
        build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        build.args(if cfg!(debug_assertions) { None } else { Some("--release") });
        assert!(build.status().unwrap().success());
        built().join("examples/conformance")
    };
    PROGRAM.lock().unwrap().get_or_insert_with(build).clone()
}

/// RINGMAIL_TEST_HOST, or compiled once from its sources.
fn host_program() -> PathBuf {
    static PROGRAM: Mutex<Option<PathBuf>> = Mutex::new(None);
    let find = || std::env::var_os("RINGMAIL_TEST_HOST").map_or_else(compile_host, PathBuf::from);
    PROGRAM.lock().unwrap().get_or_insert_with(find).clone()
}

fn compile_host() -> PathBuf {
    let transport = bindings().parent().unwrap().join("transport");
    let source = bindings().join("python/tests/host.cpp");
    let mut sources = vec![source];
    for folder in ["src", "src/linux"] {
        let files = std::fs::read_dir(transport.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        sources.extend(files.filter(|path| path.extension().map_or(false, |end| end == "cpp")));
    }
    let program = built().join("ringmail-test-host");
    let modified = |path: &Path| path.metadata().and_then(|about| about.modified()).ok();
    if modified(&program) < sources.iter().filter_map(|path| modified(path)).max() {
        // Another test may do the same: whoever is last puts an equal program in place.
        let own = built().join(format!("ringmail-test-host-{}", std::process::id()));
        let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
        let mut command = Command::new(compiler);
        command.args(["-std=c++23", "-O1", "-pthread", "-I"]).arg(transport.join("include")).args(&sources).arg("-o").arg(&own);
        assert!(command.status().expect("a C++ compiler for the test host").success());
        std::fs::rename(own, &program).unwrap();
    }
    program
}

pub struct Host {
    process: Child,
    orders: ChildStdin,
    events: Receiver<String>,
    pub seen: Vec<String>,
    log: PathBuf,
}

impl Host {
    /// Spawns a host that spawns this peer.
    pub fn start(options: &[&str], peer: &mut Command) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let log = std::env::temp_dir().join(format!("ringmail-rust-{}-{number}.log", std::process::id()));
        File::create(&log).unwrap();
        let mut command = Command::new(host_program());
        command.arg("--log").arg(&log).args(options).arg("--").arg(peer.get_program()).args(peer.get_args());
        command.envs(peer.get_envs().filter_map(|(name, value)| Some((name, value?)))).env_remove("RINGMAIL_FDS");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (into, events) = channel();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| into.send(line)));
        let orders = process.stdin.take().unwrap();
        let mut host = Self { process, orders, events, seen: Vec::new(), log };
        host.order(format!("publish sink {SINK}"));
        host
    }

    /// A host of a peer that plays this scenario.
    pub fn of(scenario: &str, options: &[&str]) -> Self {
        let mut host = Self::start(options, &mut player(scenario));
        host.wait_for("ready");
        host
    }

    pub fn conformance(options: &[&str], arguments: &[&str]) -> Self {
        let mut host = Self::start(options, Command::new(conformance_peer()).args(arguments));
        host.wait_for("ready");
        host
    }

    pub fn order(&mut self, order: impl AsRef<str>) {
        writeln!(self.orders, "{}", order.as_ref()).unwrap();
    }

    /// The other words of the next event that starts so.
    pub fn wait_for(&mut self, first: &str) -> Vec<String> {
        loop {
            let event = self.events.recv_timeout(WATCHDOG);
            let event = event.unwrap_or_else(|_| panic!("no {first} after {}", self.story()));
            self.seen.push(event.clone());
            let mut words = event.split(' ').map(String::from);
            match words.next().as_deref() {
                Some(word) if word == first => return words.collect(),
                Some("exit" | "killed") => panic!("no {first} in {}", self.story()),
                _ => {}
            }
        }
    }

    /// What has happened last, for who wonders.
    fn story(&self) -> String {
        let last = &self.seen[self.seen.len().saturating_sub(10)..];
        let shortened: Vec<String> = last.iter().map(|event| event.chars().take(200).collect()).collect();
        format!("{shortened:#?}; the peer's log: {}", self.log())
    }

    pub fn send<M: Message>(&mut self, message: &M, count: u32) {
        self.order_to_send(message, count);
        self.wait_for("sent");
    }

    /// Without waiting: what has come by then is still to be looked at.
    pub fn order_to_send<M: Message>(&mut self, message: &M, count: u32) {
        self.order(format!("send {} 7 {} {count}", M::TYPE, hex(message)));
    }

    /// A message with a body of so many bytes, all of which are the same.
    pub fn send_large<M: Message>(&mut self, message: &M, length: u64, fill: u8) {
        self.order(format!("send_large {} 7 {} {length} {fill}", M::TYPE, hex(message)));
        self.wait_for("sent");
    }

    /// Whether all of the arena to the peer is free.
    pub fn is_whole(&mut self) -> bool {
        self.order("whole");
        self.wait_for("whole") == ["1"]
    }

    pub fn ask<M: Message>(&mut self, message: &M, correlation: u32) {
        self.order(format!("ask {} 7 {correlation} {}", M::TYPE, hex(message)));
        self.wait_for("sent");
    }

    /// The next reply, which is of this type.
    pub fn reply<M: Message>(&mut self) -> (u32, M) {
        let words = self.wait_for("reply");
        assert_eq!(words[1], M::TYPE.to_string());
        (words[0].parse().unwrap(), from_hex(&words[2]))
    }

    /// The next mail, which is of this type and to the sink, and its correlation.
    pub fn mail<M: Message>(&mut self) -> (u32, M) {
        let words = self.wait_for("mail");
        assert_eq!((&words[0], &words[1]), (&SINK.to_string(), &M::TYPE.to_string()));
        (words[2].parse().unwrap(), from_hex(&words[3]))
    }

    pub fn stop(&mut self) {
        self.order("stop");
        self.wait_for("goodbye");
        assert_eq!(self.wait_for("exit"), ["0"]);
    }

    pub fn pid(&self) -> String {
        let ready = self.seen.iter().rev().find_map(|event| event.strip_prefix("ready "));
        ready.and_then(|rest| rest.split(' ').next()).unwrap().into()
    }

    /// What the peer has printed.
    pub fn log(&self) -> String {
        let mut text = String::new();
        File::open(&self.log).unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

fn hex<M: Message>(message: &M) -> String {
    let mut bytes = vec![0xee; message.encoded_size()];
    message.write(&mut bytes);
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if digits.is_empty() {
        "-".into()
    } else {
        digits
    }
}

fn from_hex<M: Message>(text: &str) -> M {
    let digit = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).unwrap();
    let bytes: Vec<u8> = if text == "-" { Vec::new() } else { (0..text.len()).step_by(2).map(digit).collect() };
    assert!(M::is_valid(&bytes), "{text} is no {}", M::NAME);
    M::read(&bytes)
}
