//! Has the messages written anew when their schema or the program changes. RINGMAIL_TOOL names the `ringmail` program, unless it is in the PATH.
use std::{env, path::Path, process::Command};

fn main() {
    let tool = env::var("RINGMAIL_TOOL").unwrap_or_else(|_| "ringmail".into());
    let output = Path::new(&env::var("OUT_DIR").unwrap()).join("averaging.rs");
    let made = Command::new(&tool).args(["gen", "--lang", "rust", "../averaging.mail", "-o"]).arg(&output).status();
    assert!(made.unwrap_or_else(|error| panic!("{tool}: {error}")).success());
    println!("cargo:rerun-if-changed=../averaging.mail");
    println!("cargo:rerun-if-env-changed=RINGMAIL_TOOL");
    if Path::new(&tool).exists() {
        println!("cargo:rerun-if-changed={tool}");
    }
}
