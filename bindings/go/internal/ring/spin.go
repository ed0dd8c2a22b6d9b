package ring

import (
	"runtime"
	"time"
)

// pause tells the processor that this is a loop which waits.
func pause()

// Spin says how long to poll before going to sleep: for a time, and only where work has lately come soon enough to be worth it.
type Spin struct {
	breakEven time.Duration // about what a sleep and a wake cost together
	gap       time.Duration // how long nothing came, lately
	idleSince time.Time
}

// NewSpin does not spin where the process has one CPU: then spinning only keeps the producer from running.
func NewSpin() Spin {
	breakEven := 50 * time.Microsecond
	if min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) == 1 {
		breakEven = 0
	}
	return Spin{breakEven: breakEven, gap: breakEven / 2}
}

// Until polls until the look holds or the time is up, and returns whether it held.
func (s *Spin) Until(look func() bool) bool {
	// A reply from a near core comes within about a hundred nanoseconds: looking at the clock first would take as long.
	for i := 0; i < 32; i++ {
		pause()
		if look() {
			s.gap -= s.gap / 8
			return true
		}
	}
	s.idleSince = time.Now()
	limit := s.breakEven
	if s.gap >= s.breakEven {
		limit = s.breakEven / 16
	}
	for time.Since(s.idleSince) < limit {
		for i := 0; i < 8; i++ {
			pause()
			if look() {
				s.Observe()
				return true
			}
		}
	}
	return false
}

// Observe is called after a sleep: how long nothing came.
func (s *Spin) Observe() {
	gap := min(time.Since(s.idleSince), 4*s.breakEven)
	s.gap = (7*s.gap + gap) / 8
}
