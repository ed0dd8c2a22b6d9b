package ringmail

import (
	"sync"
	"sync/atomic"
)

// turn says who uses a peer that may come to another host: its goroutine or, while there is no host, one that looks up a name. Such a
// peer pays for that with two atomic operations a call, and others do not.
type turn struct {
	state   atomic.Uint32
	lookups sync.Mutex // held by the one that uses the peer
}

const (
	nobodysTurn = iota
	goroutinesTurn
	lookupsTurn
)

func (t *turn) enter() {
	for !t.state.CompareAndSwap(nobodysTurn, goroutinesTurn) {
		if t.state.Load() == goroutinesTurn {
			panic(usedTwice)
		}
		t.lookups.Lock() // a lookup makes one try to join a host, and that ends in time
		t.lookups.Unlock()
	}
}

func (t *turn) leave() { t.state.Store(nobodysTurn) }

func (t *turn) leaveAnyway() { t.state.CompareAndSwap(goroutinesTurn, nobodysTurn) }

func (t *turn) tryLookup() bool {
	if !t.lookups.TryLock() {
		return false
	}
	if t.state.CompareAndSwap(nobodysTurn, lookupsTurn) {
		return true
	}
	t.lookups.Unlock()
	return false
}

func (t *turn) endLookup() {
	t.state.Store(nobodysTurn)
	t.lookups.Unlock()
}
