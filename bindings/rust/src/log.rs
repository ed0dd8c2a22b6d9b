//! Lines for the log of the host.

/// How much a line matters to the host's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever looks for a fault, step by step.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// What happens in order.
    Info,
    /// What may become a fault.
    Warning,
    /// A fault.
    Error,
    /// A fault that ends something.
    Critical,
}

#[cfg(feature = "log")]
pub(crate) use facade::Lines;
#[cfg(feature = "log")]
pub use facade::Logger;

#[cfg(feature = "log")]
mod facade {
    use super::Level;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};

    /// That wait for the peer's thread at most.
    const MOST_LINES: usize = 4096;

    /// What the threads of a process have logged, and its peer has not sent yet.
    #[derive(Default)]
    pub(crate) struct Lines {
        waiting: Mutex<(Vec<(Level, String)>, usize)>,
        /// A hint, so that the peer takes no lock for each message. What it misses is sent with the next look.
        any: AtomicBool,
    }

    impl Lines {
        fn add(&self, level: Level, text: String) {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.0.len() < MOST_LINES {
                waiting.0.push((level, text));
            } else {
                waiting.1 += 1;
            }
            self.any.store(true, Ordering::Relaxed);
        }

        pub(crate) fn take(&self) -> Vec<(Level, String)> {
            if !self.any.load(Ordering::Relaxed) {
                return Vec::new();
            }
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            self.any.store(false, Ordering::Relaxed);
            let (mut lines, left_out) = core::mem::take(&mut *waiting);
            if left_out != 0 {
                lines.push((Level::Warning, format!("{left_out} more lines were left out")));
            }
            lines
        }
    }

    /// The log of the host as a logger of the crate `log`, for all threads of the process. A line is sent when the
    /// message in hand is finished, or the peer waits; while it sleeps, within 250 ms. Of more than 4096 that wait the
    /// rest is left out.
    ///
    /// ```no_run
    /// # let peer = ringmail::Peer::join()?;
    /// log::set_boxed_logger(Box::new(peer.logger())).expect("there is no other");
    /// log::set_max_level(log::LevelFilter::Info);
    /// # Ok::<(), ringmail::Error>(())
    /// ```
    #[derive(Clone)]
    pub struct Logger(pub(crate) Arc<Lines>);

    impl log::Log for Logger {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            let level = match record.level() {
                log::Level::Error => Level::Error,
                log::Level::Warn => Level::Warning,
                log::Level::Info => Level::Info,
                log::Level::Debug => Level::Debug,
                log::Level::Trace => Level::Trace,
            };
            self.0.add(level, format!("{}: {}", record.target(), record.args()));
        }

        fn flush(&self) {}
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use log::Log;

        #[test]
        fn lines_wait_in_order_and_some_are_left_out() {
            let logger = Logger(Arc::default());
            assert!(logger.0.take().is_empty());
            for number in 0..MOST_LINES + 2 {
                logger
                    .log(&log::Record::builder().level(log::Level::Warn).target("gate").args(format_args!("{number}")).build());
            }
            let lines = logger.0.take();
            assert_eq!(lines.len(), MOST_LINES + 1);
            assert_eq!(lines[1], (Level::Warning, "gate: 1".into()));
            assert_eq!(lines[MOST_LINES].1, "2 more lines were left out");
            assert!(logger.0.take().is_empty());
        }
    }
}
