package ringmail

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ringmail.dev/ringmail/internal/ring"
)

// waiter is how the peer's goroutine waits: it spins a while, then parks. What it looks for is one of three functions, made
// once, so that waiting allocates nothing but the watch of a context that it did not watch before.
type waiter struct {
	peer   *Peer
	parker *ring.Parker
	spin   ring.Spin

	waking sync.Mutex    // the parker, which is another one with another host
	nudged chan struct{} // ends a sleep without a host
	past   pastSleeps

	receivedBefore uint64 // by the peer, when it spun the last time

	forInput   func() bool
	forRoom    func() bool
	forAnswers func() bool
	look       func() bool // what ends a sleep: `found`, or a reason to give up

	found   func() bool     // of the wait that goes on
	done    <-chan struct{} // of the context of that wait
	watched <-chan struct{} // of the context whose end wakes the peer
	unwatch func() bool

	wanted wanted // by forRoom
}

// wanted is room in a ring or, where there is no producer, in the lane's arena.
type wanted struct {
	lane     *lane
	producer *ring.Producer
	length   uint64

	isThere bool
	room    []byte
	body    ring.Loan
}

// pastSleeps are those of parkers before.
type pastSleeps struct {
	sleeps, lostWakeups uint64
}

func (w *waiter) init(peer *Peer, parker *ring.Parker) {
	w.peer, w.parker, w.spin = peer, parker, ring.NewSpin()
	w.nudged = make(chan struct{}, 1)
	w.forInput, w.forRoom, w.forAnswers = w.hasInput, w.hasRoom, w.hasAnswers
	w.look = func() bool { return w.found() || w.mustGiveUp() }
}

// sleepBy another parker: the bell before is touched by nobody any more.
func (w *waiter) sleepBy(parker *ring.Parker) {
	w.past.sleeps += w.parker.Sleeps()
	w.past.lostWakeups += w.parker.LostWakeups()
	w.waking.Lock()
	defer w.waking.Unlock()
	w.parker = parker
}

// wake ends a sleep, from any goroutine, for what was stored before.
func (w *waiter) wake() {
	w.waking.Lock()
	defer w.waking.Unlock()
	w.parker.Wake()
	select {
	case w.nudged <- struct{}{}:
	default:
	}
}

func (w *waiter) hasInput() bool {
	allDrained := len(w.peer.lanes) > 0
	for _, lane := range w.peer.lanes {
		if lane.isBroken() {
			continue
		}
		if !lane.ControlIn.Empty() || lane.HasMail() {
			return true
		}
		allDrained = allDrained && lane.Drained()
	}
	return allDrained || w.peer.calls.expired.Load() || w.peer.arrivals.any.Load()
}

func (w *waiter) hasAnswers() bool {
	for _, lane := range w.peer.lanes {
		if !lane.ControlIn.Empty() && !lane.isBroken() {
			return true
		}
	}
	return w.peer.arrivals.any.Load()
}

func (w *waiter) hasRoom() bool {
	return !w.wanted.lane.isLeft && (w.wanted.loan() || w.wanted.isInVain())
}

// loan tries once more, unless there is a loan already: that would open a second.
func (w *wanted) loan() bool {
	if w.isThere {
		return true
	}
	if w.producer != nil {
		w.room = w.producer.TryLoan(uint32(w.length))
		w.isThere = w.room != nil
	} else {
		w.body, w.isThere = w.lane.BodiesOut.TryLoan(w.length, &w.lane.MailOut)
	}
	return w.isThere
}

// isInVain tells whether nobody will ever make room.
func (w *wanted) isInVain() bool {
	return w.lane.Fault() != ring.NoFault || w.lane.isCut() || w.isForNobody()
}

// isForNobody tells whether this is an answer to another peer that has died.
func (w *wanted) isForNobody() bool { return w.producer == &w.lane.ControlOut && w.lane.hasNoAsker() }

func (w *waiter) mustGiveUp() bool { return w.peer.control.isGone.Load() || isDone(w.done) }

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
	drained := p.received - w.receivedBefore
	w.receivedBefore = p.received
	if w.spin.Until(found, drained) {
		return nil
	}
	w.found = found
	w.watch(ctx)
	deadline, bounded := ctx.Deadline()
	for alive := true; !found(); {
		if !alive || p.lost || p.control.isGone.Load() {
			if found() { // what it published before its end
				return nil
			}
			if !p.loseHost() {
				return p.goneError()
			}
			if err := p.comeBack(ctx, found); err != nil {
				return err
			}
			break
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
		w.unwatch = context.AfterFunc(ctx, w.wake)
	}
}

// waitForRoom has the consumer of what is wanted say when it is there.
func (w *waiter) waitForRoom(ctx context.Context, mayWait bool) error {
	// What is open must be seen, or its consumer could not make room.
	w.peer.flush()
	wanted := &w.wanted
	if wanted.loan() {
		return nil
	}
	var err error
	if mayWait && !wanted.isInVain() {
		producer := wanted.producer
		if producer == nil {
			producer = &wanted.lane.MailOut
		}
		producer.WantRoom(true)
		err = w.wait(ctx, w.forRoom)
		if !wanted.lane.isLeft {
			producer.WantRoom(false)
		}
	}
	lane := wanted.lane
	switch {
	case lane.isLeft && err == nil:
		return errCameBack
	case lane.isLeft && !w.peer.closed:
		return noHost(err)
	case wanted.isThere:
		return nil
	case lane.Fault() != ring.NoFault:
		if err := w.peer.faulted(lane, lane.Fault().String()); err != nil {
			return err
		}
		return lane.cutOff()
	case lane.isCut():
		return lane.cutOff()
	case err == nil:
		return ErrFull
	case errors.Is(err, ErrHostGone), errors.Is(err, ErrPeerGone):
		return err
	}
	return fmt.Errorf("%w: %w", ErrFull, err)
}
