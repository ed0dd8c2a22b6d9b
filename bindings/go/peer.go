package ringmail

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"ringmail.dev/ringmail/internal/ring"
)

// Peer is a link to a host or, of one that a Listener gives out, to the peer that has attached to it.
type Peer struct {
	said atomic.Pointer[said] // with the handshake
	logf func(format string, values ...any)

	hasMonitors  bool
	acknowledges bool // every message of mail, in one batch with what it led to

	control  *control
	host     *host     // or
	accepted *accepted // the other end has attached to this process
	arrivals *arrivals
	memory   *memory // of the host
	lanes    []*lane
	waiter   waiter

	back     *wayBack // to the next host; nil: it ends with its host
	lost     bool     // the host is dead, and there is no other yet
	inUse    bool     // by one of its methods: see enter
	closed   bool
	dirty    bool // some lane has an open batch
	nextLane int
	inHand   Message // if it is held
	batch    batch   // of what it leads to, where that is published with its acknowledgement
	loan     loan
	calls    calls
	monitor  uint32               // the number of the last one, in this incarnation
	monitors map[uint64]monitored // by their numbers

	onRestart func(unread uint64) error

	received   uint64
	sentBefore uint64 // to hosts that are dead
	dropped    uint64
	unknown    map[uint32]bool // types that were said to be dropped
}

// said is what the other side has said of itself and this peer, for whoever asks.
type said struct {
	name        string
	schema      string
	incarnation uint64
	host        *host // nil: there is none
	hasLog      bool
}

func newPeer(parker *ring.Parker) *Peer {
	p := &Peer{monitors: map[uint64]monitored{}}
	p.waiter.init(p, parker)
	p.calls.init(p)
	p.inHand.peer = p
	return p
}

// Name is what the host calls this peer; of one that has attached, what it calls itself, which may be nothing.
func (p *Peer) Name() string { return p.said.Load().name }

// Schema is the other side's canonical schema; it may be empty.
func (p *Peer) Schema() string { return p.said.Load().schema }

// Incarnation counts the lives of this peer, or of the one of its name that has attached: 1 in the first. One that comes to the next
// host begins another.
func (p *Peer) Incarnation() uint64 { return p.said.Load().incarnation }

// Gone is closed when the other side has died or has closed the link, unless this peer was closed before. Where the peer outlives its
// host, it is closed when no other has come in time.
func (p *Peer) Gone() <-chan struct{} {
	if p.back != nil {
		return p.back.over
	}
	return p.control.gone
}

const usedTwice = "ringmail: a peer is used by two goroutines at once"

// enter is the check that two goroutines do not use a peer at once. Like that of a map it costs no barrier: it notices most of
// what the race detector proves.
func (p *Peer) enter() {
	if p.back != nil {
		p.back.turn.enter()
		return
	}
	if p.inUse {
		panic(usedTwice)
	}
	p.inUse = true
}

func (p *Peer) leave() {
	if p.back != nil {
		p.back.turn.leave()
		return
	}
	p.inUse = false
}

// leaveAnyway is for after a panic in one of the peer's methods, or in none.
func (p *Peer) leaveAnyway() {
	if p.back != nil {
		p.back.turn.leaveAnyway()
	}
	p.inUse = false
}

// usable says why nothing can be done with the peer.
func (p *Peer) usable() error {
	if p.closed || p.loan.open {
		return p.notUsable()
	}
	return nil
}

func (p *Peer) notUsable() error {
	if p.closed {
		return p.closedError()
	}
	return misuse("a loan is open: nothing else may be done before it is published or cancelled")
}

// Receive waits for the next message, which must be released before the next call. What is there is received even when the
// context is done. The error is ErrStopped when the host said stop and everything that it had sent before has been released.
//
// Functions that were given to [Call.Then] or [Mailbox.Monitor] are called by Receive; their errors come out of it.
func (p *Peer) Receive(ctx context.Context) (*Message, error) {
	p.enter()
	m, err := p.receive(ctx)
	p.leave() // not deferred, as nowhere that each message comes by: after a panic in here nothing is right any more
	return m, err
}

func (p *Peer) receive(ctx context.Context) (*Message, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	if p.inHand.held {
		return nil, misuse("the message received before has not been released")
	}
	for {
		if p.calls.areDue() {
			if err := p.calls.finish(); err != nil {
				return nil, err
			}
		}
		taken, err := p.take()
		switch {
		case taken:
			return &p.inHand, nil
		case err == ErrStopped:
			return nil, p.calls.stop()
		case err != nil:
			return nil, err
		case p.calls.areDue():
			continue
		}
		if err := p.waiter.wait(ctx, p.waiter.forInput); err != nil {
			return nil, p.ended(err)
		}
	}
}

// take looks once through all lanes. True: there is a message in hand.
func (p *Peer) take() (bool, error) {
	if p.arrivals.any.Load() {
		p.adopt()
	}
	allDrained := len(p.lanes) > 0
	for range p.lanes {
		lane := p.lanes[p.nextLane]
		if p.nextLane++; p.nextLane == len(p.lanes) {
			p.nextLane = 0
		}
		if !lane.ControlIn.Empty() {
			if err := p.takeControl(lane); err != nil {
				return false, err
			}
			if len(p.calls.ready) > 0 {
				return false, nil
			}
		}
		if !lane.Drained() && !lane.isBroken() {
			allDrained = false
			if lane.MailIn.PeekInto(&p.inHand.frame) {
				if p.inHand.frame.Kind == ring.Message {
					p.inHand.begin(lane)
					return true, nil
				}
				return p.takeOther(lane)
			}
		}
		if fault := lane.Fault(); fault != ring.NoFault {
			if err := p.faulted(lane, fault.String()); err != nil {
				return false, err
			}
		}
	}
	if allDrained {
		return false, ErrStopped
	}
	return false, nil
}

// takeOther takes mail that is more than a message, or is none.
func (p *Peer) takeOther(lane *lane) (bool, error) {
	frame := &p.inHand.frame
	switch {
	case frame.Kind == ring.Large && lane.meeting == nil:
		body, fault := lane.BodiesIn.Take(frame.Payload)
		if fault != ring.NoFault {
			return false, p.faulted(lane, fault.String())
		}
		frame.Payload = frame.Payload[ring.BodyPlaceBytes:]
		p.inHand.begin(lane)
		p.inHand.body, p.inHand.bodyKept = body, false
		return true, nil
	case frame.Kind == ring.Signal && p.host != nil && lane.meeting == nil:
		return false, p.takeDown(lane)
	}
	return false, p.faulted(lane, "a system frame came as mail")
}

// takeControl deals with what the other side says to this process, before its mail.
func (p *Peer) takeControl(lane *lane) error {
	for !lane.isBroken() {
		frame, ok := lane.ControlIn.Peek()
		if !ok {
			return nil
		}
		switch frame.Kind {
		case ring.Reply, ring.NoReply:
			if p.isForThisLife(lane, frame.Correlation) {
				p.calls.answered(frame)
			}
		case ring.Stop:
			if p.accepted != nil || lane.meeting != nil {
				return p.faulted(lane, "a stop came that only a host says")
			}
			if !lane.StopAt(frame.Payload) {
				return p.faulted(lane, "a stop came without a position")
			}
			if p.back != nil {
				p.back.isStopping.Store(true)
			}
			// What other peers have sent so far is read as well, and no more.
			for _, each := range p.lanes {
				if each.meeting != nil {
					each.StopReading()
				}
			}
		case ring.Ping:
			// One that finds no room is not answered: the host then has not read the answers before it.
			if lane.ControlOut.TryLoan(0) != nil {
				lane.ControlOut.Commit(ring.Head{Kind: ring.Pong, Correlation: frame.Correlation})
				lane.PublishControl()
			}
		case ring.Pong:
		default:
			return p.faulted(lane, "mail came on a control ring")
		}
		lane.ControlIn.Advance()
		lane.StoreCursors()
	}
	return nil
}

// Flush publishes everything that was sent so far. Release, and whatever waits, does so too.
func (p *Peer) Flush() error {
	p.enter()
	defer p.leave()
	if err := p.usable(); err != nil {
		return err
	}
	p.flush()
	return nil
}

func (p *Peer) flush() {
	if !p.dirty {
		return
	}
	p.dirty = false
	for _, lane := range p.lanes {
		if lane != p.batch.lane {
			lane.Publish()
		}
	}
}

func (p *Peer) storeCursors() {
	for _, lane := range p.lanes {
		lane.StoreCursors()
	}
}

// Lookup is the mailbox that the host has published under a name, or that of another peer of the same host: what is sent there
// reaches it without a hop, and is kept while it is dead and another one is to come. It asks over the control stream, and waits
// until the other is there for the first time: not for the hot path. It may be called at any time, by any goroutine.
func (p *Peer) Lookup(ctx context.Context, name string) (Mailbox, error) {
	if p.accepted != nil {
		if name != p.Name() {
			return Mailbox{}, fmt.Errorf("%w: no mailbox has the name %q", ErrNotFound, name)
		}
		return p.Other(), nil
	}
	for {
		host := p.said.Load().host
		id, err := host.lookup(ctx, name)
		if err == nil {
			return Mailbox{p, id}, nil
		}
		if p.back == nil || !errors.Is(err, ErrHostGone) {
			return Mailbox{}, err
		}
		if err := p.waitForNext(ctx, host); err != nil {
			return Mailbox{}, fmt.Errorf("there is no host to ask where %q is: %w", name, err)
		}
	}
}

// Counters of a peer.
type Counters struct {
	Received    uint64 // messages released; replies are not counted
	Sent        uint64 // messages published; replies are not counted
	Dropped     uint64 // messages for which there was no handler
	Sleeps      uint64 // times that a wait went to sleep
	LostWakeups uint64 // must be 0
}

// Counters as they are now.
func (p *Peer) Counters() Counters {
	p.enter()
	defer p.leave()
	counters := Counters{
		Received:    p.received,
		Dropped:     p.dropped,
		Sent:        p.sentBefore,
		Sleeps:      p.waiter.past.sleeps + p.waiter.parker.Sleeps(),
		LostWakeups: p.waiter.past.lostWakeups + p.waiter.parker.LostWakeups(),
	}
	for _, lane := range p.lanes {
		counters.Sent += lane.MailOut.Published()
	}
	return counters
}
