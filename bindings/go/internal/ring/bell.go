package ring

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// The park word has a state in its low two bits, and a count above.
const (
	awake = iota
	parked
	ringing

	countMask = 1<<30 - 1
)

func makeWord(count, state uint32) uint32 { return (count&countMask)<<2 | state }
func stateOf(word uint32) uint32          { return word & 3 }
func countOf(word uint32) uint32          { return word >> 2 }

const (
	// No sleep is longer than this: a net under the mechanism, not the mechanism.
	longestSleep = 250 * time.Millisecond
	// A frame this old under a word that still reads parked was published by somebody who did not ring.
	lostWakeup = 5 * time.Millisecond
)

// Parker is the sleeper's side of a bell. One goroutine, but for Wake and the counters.
type Parker struct {
	bell     Memory
	sleeper  sleeper
	count    uint32
	isMirror bool
	sleeps   atomic.Uint64
	lost     atomic.Uint64
}

// NewParker sleeps until the pipe can be read, or on the bell's futex where there is no pipe.
func NewParker(bell Memory, pipe *os.File) *Parker {
	p := &Parker{bell: bell, sleeper: &futexSleeper{}, count: countOf(bell.load32(parkOffset))}
	if pipe != nil {
		p.sleeper = &pipeSleeper{pipe: pipe}
	}
	return p
}

// NewMirrorParker is for a bell that nobody else may write to: its producers look at the word, and are heard by whoever calls Wake.
func NewMirrorParker(mirror Memory) *Parker {
	return &Parker{bell: mirror, sleeper: newChannelSleeper(), isMirror: true, count: countOf(mirror.load32(parkOffset))}
}

// Park sleeps until rung, or the deadline or the longest sleep has passed. The look polls everything that this side's producers
// write; it is called after the word says parked, and what it sees ends the sleep before it begins. False: the host is dead.
func (p *Parker) Park(deadline time.Time, look func() bool) bool {
	limit := time.Now().Add(longestSleep)
	if !deadline.IsZero() && deadline.Before(limit) {
		limit = deadline
	}
	p.sleeper.prepare(limit)
	p.count = (p.count + 1) & countMask
	word := makeWord(p.count, parked)
	// SYNC(park): ordered before the look; with Doorbell.Ring, whose load comes after the store of the frame.
	p.bell.store32(parkOffset, word)
	result := woken
	if !look() {
		p.sleeps.Add(1)
		result = p.sleeper.sleep(p.bell, word)
		if result == timedOut && limit != deadline {
			p.lookForLostWakeup(word, look)
		}
	}
	// A producer that still reads parked rings once more than needed.
	p.bell.store32(parkOffset, makeWord(p.count, awake))
	return result != ended
}

// Wake ends a sleep, from any goroutine, for something that the look sees and that was stored before.
func (p *Parker) Wake() { p.sleeper.wake(p.bell) }

// Sleeps counts them.
func (p *Parker) Sleeps() uint64 { return p.sleeps.Load() }

// LostWakeups must be 0. It counts sleeps that timed out over a frame whose producer did not ring within 5 ms.
func (p *Parker) LostWakeups() uint64 { return p.lost.Load() }

func (p *Parker) lookForLostWakeup(word uint32, look func() bool) {
	if !look() {
		return
	}
	// The producer may stand between its publish and its ring: it gets time before it is accused.
	until := time.Now().Add(lostWakeup)
	for p.bell.load32(parkOffset) == word {
		if !time.Now().Before(until) {
			p.lost.Add(1)
			return
		}
		p.sleeper.prepare(until)
		if p.sleeper.sleep(p.bell, word) == woken && p.isMirror {
			return // its producers do not change the word
		}
	}
}

// Doorbell is a producer's side of somebody else's bell. One goroutine.
type Doorbell struct {
	bell   Memory // or
	parked Memory // what the host shows of it
	byHand func() // and how it is then rung
	pipe   int    // where else it may be slept on, and -1
	count  uint32
	rung   bool
}

// NewDoorbell rings a bell that is shared.
func NewDoorbell(bell Memory) Doorbell { return NewPipeDoorbell(bell, -1) }

// NewPipeDoorbell is for one whose sleeper may also wait until a pipe can be read. This end of it does not block.
func NewPipeDoorbell(bell Memory, pipe int) Doorbell {
	return Doorbell{bell: bell, parked: bell, pipe: pipe}
}

// NewMirroredDoorbell is for one who may not write to the bell: the mirror shows when to ring.
func NewMirroredDoorbell(mirror Memory, ring func()) Doorbell {
	return Doorbell{parked: mirror, byHand: ring, pipe: -1}
}

var oneWake = []byte{1}

// RingFor is called after publishing. The mark is Producer.ColdMark, read after the publish.
func (d *Doorbell) RingFor(coldMark uint32) {
	// The mark is the other side's word: a wrong one mutes only itself. Who has only a mirror is never marked.
	if coldMark != 0 && coldMark <= pendingRings && d.byHand == nil {
		bit := uint64(coldMark - 1)
		// SYNC(cold): before the load of the park word.
		d.bell.or64(pendingOffset+bit/64*8, 1<<(bit%64))
	}
	d.Ring()
}

// Ring is called after a store that the sleeper looks for.
func (d *Doorbell) Ring() {
	// SYNC(park): after the store of the frame; with Parker.Park.
	word := d.parked.load32(parkOffset)
	if stateOf(word) == awake {
		return
	}
	count := countOf(word)
	if d.rung && count == d.count {
		return
	}
	d.rung, d.count = true, count
	if d.byHand != nil {
		d.byHand()
		return
	}
	// A failure means that another producer rang or the sleeper woke; the wake below is then merely spurious.
	d.bell.swap32(parkOffset, makeWord(count, parked), makeWord(count, ringing))
	d.bell.futexWake(parkOffset)
	if d.pipe >= 0 {
		_, _ = syscall.Write(d.pipe, oneWake) // one that is full holds a wake already
	}
}
