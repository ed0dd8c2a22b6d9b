package ringmail

import (
	"context"
	"fmt"
	"time"

	"ringmail.dev/ringmail/internal/ring"
)

// waiter is how the peer's goroutine waits: it spins a while, then parks. What it looks for is one of three functions, made
// once, so that waiting allocates nothing but the watch of a context that it did not watch before.
type waiter struct {
	peer   *Peer
	parker *ring.Parker
	spin   ring.Spin

	forInput   func() bool
	forRoom    func() bool
	forAnswers func() bool
	look       func() bool // what ends a sleep: `found`, or a reason to give up

	found   func() bool     // of the wait that goes on
	done    <-chan struct{} // of the context of that wait
	watched <-chan struct{} // of the context whose end wakes the peer
	unwatch func() bool

	// What forRoom wants, and has got.
	producer *ring.Producer
	length   uint32
	room     []byte
}

func (w *waiter) init(peer *Peer, parker *ring.Parker) {
	w.peer, w.parker, w.spin = peer, parker, ring.NewSpin()
	w.forInput, w.forRoom, w.forAnswers = w.hasInput, w.hasRoom, w.hasAnswers
	w.look = func() bool { return w.found() || w.mustGiveUp() }
}

func (w *waiter) hasInput() bool {
	allDrained := true
	for _, lane := range w.peer.lanes {
		if !lane.ControlIn.Empty() || lane.HasMail() {
			return true
		}
		allDrained = allDrained && lane.Drained()
	}
	return allDrained || w.peer.calls.expired.Load()
}

func (w *waiter) hasAnswers() bool {
	for _, lane := range w.peer.lanes {
		if !lane.ControlIn.Empty() {
			return true
		}
	}
	return false
}

func (w *waiter) hasRoom() bool {
	if w.room == nil {
		w.room = w.producer.TryLoan(w.length) // once: trying again would open a second loan
	}
	return w.room != nil || w.producer.Fault() != ring.NoFault
}

func (w *waiter) mustGiveUp() bool { return w.peer.host.isGone.Load() || isDone(w.done) }

func isDone(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// wait returns nil when there is what it looks for, also when the context is done by then.
func (w *waiter) wait(ctx context.Context, found func() bool) error {
	p := w.peer
	p.flush()
	p.storeCursors() // also of what is finished before this waits for room: the host may wait for that
	if found() {
		return nil
	}
	w.done = ctx.Done()
	if isDone(w.done) {
		return context.Cause(ctx)
	}
	if w.spin.Until(found) {
		return nil
	}
	w.found = found
	w.watch(ctx)
	deadline, bounded := ctx.Deadline()
	for alive := true; !found(); {
		if !alive || p.host.isGone.Load() {
			return ErrHostGone
		}
		if isDone(w.done) {
			return context.Cause(ctx)
		}
		if bounded && !time.Now().Before(deadline) {
			return context.DeadlineExceeded
		}
		alive = w.parker.Park(deadline, w.look)
	}
	w.spin.Observe()
	return nil
}

// watch has the end of the context wake the peer. One at a time: Run waits with the same one for ever.
func (w *waiter) watch(ctx context.Context) {
	if w.done == w.watched {
		return
	}
	if w.unwatch != nil {
		w.unwatch()
		w.unwatch = nil
	}
	w.watched = w.done
	if w.done != nil {
		w.unwatch = context.AfterFunc(ctx, w.parker.Wake)
	}
}

// waitForRoom has the producer's consumer say when there is room. What is open is published, or that could never be.
func (w *waiter) waitForRoom(ctx context.Context, producer *ring.Producer, length uint32) ([]byte, error) {
	w.producer, w.length, w.room = producer, length, nil
	producer.WantRoom(true)
	err := w.wait(ctx, w.forRoom)
	producer.WantRoom(false)
	room := w.room
	w.producer, w.room = nil, nil
	switch {
	case room != nil:
		return room, nil
	case producer.Fault() != ring.NoFault:
		return nil, &ProtocolError{producer.Fault().String()}
	case err == ErrHostGone:
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", ErrFull, err)
}
