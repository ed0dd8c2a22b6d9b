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
	runAhead  uint64 // pauses before the first look
}

// longestRunAhead is some 5 µs.
const longestRunAhead = 256

// NewSpin does not spin where the process has one CPU: then spinning only keeps the producer from running.
func NewSpin() Spin {
	breakEven := 50 * time.Microsecond
	if min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) == 1 {
		breakEven = 0
	}
	return Spin{breakEven: breakEven, gap: breakEven / 2, runAhead: 1}
}

// Until polls until the look holds or the time is up, and returns whether it held. `drained`: how many messages were taken since
// the last time.
func (s *Spin) Until(look func() bool, drained uint64) bool {
	s.lookAway(drained)
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

// lookAway lets a producer that streams run ahead: a poll takes the line that it is about to write. Four pauses for each message
// that came the last time; what came alone is a question or an answer, and the next is looked for at once. See
// docs/decisions/0010-a-reader-of-a-stream-looks-away.md.
func (s *Spin) lookAway(drained uint64) {
	switch {
	case drained < 2:
		s.runAhead = 1
	case drained < s.runAhead/4:
		s.runAhead /= 2
	case s.runAhead < longestRunAhead:
		s.runAhead *= 2
	}
	for i := uint64(0); i < s.runAhead; i++ {
		pause()
	}
}

// Observe is called after a sleep: how long nothing came.
func (s *Spin) Observe() {
	gap := min(time.Since(s.idleSince), 4*s.breakEven)
	s.gap = (7*s.gap + gap) / 8
}
