//! With the crate `ringmail` and messages that build.rs has generated.
mod averaging {
    include!(concat!(env!("OUT_DIR"), "/averaging.rs"));
}

use averaging::{view, Averager, Mean};
use ringmail::{Failure, Mail, Options};

#[derive(Default)]
struct Samples {
    count: u64,
    sum: f64,
}

impl Averager for Samples {
    fn on_sample(&mut self, sample: view::Sample<'_>, _: &Mail<'_>) -> Result<(), Failure> {
        self.count += 1;
        self.sum += sample.value();
        Ok(())
    }

    fn on_get(&mut self, _: view::Get<'_>, _: &Mail<'_>) -> Result<Option<Mean>, Failure> {
        Ok(Some(Mean { samples: self.count, value: self.sum / self.count.max(1) as f64 }))
    }
}

fn main() -> std::process::ExitCode {
    ringmail::main(Options::new().schema(averaging::SCHEMA), |_| {
        let mut samples = Samples::default();
        Ok(move |mail: &Mail<'_>| samples.handle(mail))
    })
}
