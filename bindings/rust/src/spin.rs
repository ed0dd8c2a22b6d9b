//! How long to poll before going to sleep.

use core::hint;
use core::time::Duration;
use std::time::Instant;

/// About what a sleep and a wake cost together on current machines.
const BREAK_EVEN: Duration = Duration::from_micros(50);
const POLLS_WITHOUT_CLOCK: u32 = 32;
const POLLS_A_LOOK_AT_THE_CLOCK: u32 = 8;

/// Spins for a time, and only where work has lately come soon enough to be worth it.
pub(crate) struct Spin {
    longest: Duration,
    /// How long nothing came, on average.
    gap: Duration,
    idle_since: Instant,
}

impl Spin {
    pub(crate) fn new() -> Self {
        // With one CPU, or a quota of one, spinning only keeps the other side from running.
        let has_one = std::thread::available_parallelism().map_or(true, |cpus| cpus.get() == 1);
        let longest = if has_one { Duration::ZERO } else { BREAK_EVEN };
        Self { longest, gap: longest / 2, idle_since: Instant::now() }
    }

    /// Polls until there is work, or the time is up. Whether there is.
    pub(crate) fn spin(&mut self, deadline: Option<Instant>, mut has_work: impl FnMut() -> bool) -> bool {
        // A reply from a near core comes within about a hundred nanoseconds: looking at the clock first would take as long.
        for _ in 0..POLLS_WITHOUT_CLOCK {
            hint::spin_loop();
            if has_work() {
                self.gap -= self.gap / 8; // the gap was next to nothing
                return true;
            }
        }
        self.idle_since = Instant::now();
        let most = if self.gap < self.longest { self.longest } else { self.longest / 16 };
        let until = deadline.map_or(self.idle_since + most, |deadline| deadline.min(self.idle_since + most));
        while Instant::now() < until {
            for _ in 0..POLLS_A_LOOK_AT_THE_CLOCK {
                hint::spin_loop();
                if has_work() {
                    self.observe();
                    return true;
                }
            }
        }
        false
    }

    /// After a sleep: how long nothing came.
    pub(crate) fn observe(&mut self) {
        let gap = self.idle_since.elapsed().min(4 * self.longest);
        self.gap = (7 * self.gap + gap) / 8;
    }
}
