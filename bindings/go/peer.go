package ringmail

import (
	"context"
	"fmt"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

// Peer is a link to a host.
type Peer struct {
	name        string
	schema      string
	incarnation uint64
	logf        func(format string, values ...any)

	hasMonitors bool
	hasLog      bool

	host   *host
	lanes  []*ring.Lane
	waiter waiter

	inUse    bool // by one of its methods: see enter
	closed   bool
	dirty    bool // some lane has an open batch
	nextLane int
	inHand   Message // if it is held
	loan     loan
	calls    calls
	monitor  uint32                      // the number of the last one, in this incarnation
	monitors map[uint64]func(Down) error // by their numbers

	received uint64
	dropped  uint64
	unknown  map[uint32]bool // types that were said to be dropped
}

func newPeer(layout ring.Layout, segments ring.Segments, parker *ring.Parker, stream *link.Stream, byStream bool) *Peer {
	p := &Peer{monitors: map[uint64]func(Down) error{}}
	p.host = newHost(stream, parker.Wake)
	p.waiter.init(p, parker)
	p.calls.init(p)
	p.inHand.peer = p
	for i := uint32(0); i < layout.Lanes; i++ {
		index := i
		var ringLane func()
		if byStream {
			ringLane = func() { p.host.ringLane(index) }
		}
		p.lanes = append(p.lanes, layout.PeerLane(segments, index, ringLane))
	}
	return p
}

// Name is what the host calls this peer.
func (p *Peer) Name() string { return p.name }

// Schema is the host's canonical schema; it may be empty.
func (p *Peer) Schema() string { return p.schema }

// Incarnation counts the lives of this peer: 1 in the first.
func (p *Peer) Incarnation() uint64 { return p.incarnation }

// Gone is closed when the host has died or has closed the link, unless this peer was closed before.
func (p *Peer) Gone() <-chan struct{} { return p.host.gone }

// enter is the check that two goroutines do not use a peer at once. Like that of a map it costs no barrier: it notices most of
// what the race detector proves.
func (p *Peer) enter() {
	if p.inUse {
		panic("ringmail: a peer is used by two goroutines at once")
	}
	p.inUse = true
}

func (p *Peer) leave() { p.inUse = false }

// usable says why nothing can be done with the peer.
func (p *Peer) usable() error {
	if p.closed {
		return ErrClosed
	}
	if p.loan.producer != nil {
		return misuse("a loan is open: nothing else may be done before it is published or cancelled")
	}
	return nil
}

// Receive waits for the next message, which must be released before the next call. What is there is received even when the
// context is done. The error is ErrStopped when the host said stop and everything that it had sent before has been released.
//
// Functions that were given to [Call.Then] or [Mailbox.Monitor] are called by Receive; their errors come out of it.
func (p *Peer) Receive(ctx context.Context) (*Message, error) {
	p.enter()
	defer p.leave()
	if err := p.usable(); err != nil {
		return nil, err
	}
	if p.inHand.held {
		return nil, misuse("the message received before has not been released")
	}
	for {
		if err := p.calls.finish(); err != nil {
			return nil, err
		}
		taken, err := p.take()
		switch {
		case taken:
			return &p.inHand, nil
		case err == ErrStopped:
			return nil, p.calls.stop()
		case err != nil:
			return nil, err
		case len(p.calls.ready) > 0:
			continue
		}
		if err := p.waiter.wait(ctx, p.waiter.forInput); err != nil {
			return nil, err
		}
	}
}

// take looks once through all lanes. True: there is a message in hand.
func (p *Peer) take() (bool, error) {
	allDrained := true
	for range p.lanes {
		lane := p.lanes[p.nextLane]
		if p.nextLane++; p.nextLane == len(p.lanes) {
			p.nextLane = 0
		}
		if err := p.takeControl(lane); err != nil {
			return false, err
		}
		if len(p.calls.ready) > 0 {
			return false, nil
		}
		if !lane.Drained() {
			allDrained = false
			if frame, ok := lane.MailIn.Peek(); ok {
				if frame.Kind != ring.Message {
					return false, p.takeDown(lane, frame)
				}
				p.inHand.begin(lane, frame)
				return true, nil
			}
		}
		if fault := lane.Fault(); fault != ring.NoFault {
			return false, &ProtocolError{fault.String()}
		}
	}
	if allDrained {
		return false, ErrStopped
	}
	return false, nil
}

// takeControl deals with what the host says to this process, before its mail.
func (p *Peer) takeControl(lane *ring.Lane) error {
	for {
		frame, ok := lane.ControlIn.Peek()
		if !ok {
			return nil
		}
		switch frame.Kind {
		case ring.Reply, ring.NoReply:
			p.calls.answered(frame)
		case ring.Stop:
			if !lane.StopAt(frame.Payload) {
				return &ProtocolError{"a stop came without a position"}
			}
		case ring.Ping:
			// One that finds no room is not answered: the host then has not read the answers before it.
			if lane.ControlOut.TryLoan(0) != nil {
				lane.ControlOut.Commit(ring.Head{Kind: ring.Pong, Correlation: frame.Correlation})
				lane.Publish()
			}
		case ring.Pong:
		default:
			return &ProtocolError{"mail came on a control ring"}
		}
		lane.ControlIn.Advance()
		lane.StoreCursors()
	}
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
		lane.Publish()
	}
}

func (p *Peer) storeCursors() {
	for _, lane := range p.lanes {
		lane.StoreCursors()
	}
}

// Lookup is the mailbox that the host has published under a name. It asks over the control stream: not for the hot path. It may
// be called at any time, by any goroutine.
func (p *Peer) Lookup(ctx context.Context, name string) (Mailbox, error) {
	id, err := p.host.lookup(ctx, name)
	if err != nil {
		return Mailbox{}, err
	}
	return Mailbox{p, id}, nil
}

// Fail tells the host why this process is about to exit: the reason in the first line, which those are told who watch
// it, and then its stack trace, if there is one, for the host's log. What was sent before is published, a message in
// hand stays unfinished, and the peer is closed. Run does this for the errors of handlers.
func (p *Peer) Fail(text string) error {
	p.enter()
	defer p.leave()
	return p.fail(text)
}

func (p *Peer) fail(text string) error {
	if p.closed {
		return ErrClosed
	}
	if p.loan.producer != nil {
		p.cancel()
	}
	p.flush()
	p.storeCursors()
	p.closed = true
	err := p.host.sayLast(link.KindFailure, link.EncodeFailure(text))
	p.host.close()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHostGone, err)
	}
	return nil
}

// Close leaves the host: it publishes what is open and, if the host said stop and all mail was released, says goodbye. The
// memory stays mapped until the process exits, so that nothing that was handed out can dangle.
func (p *Peer) Close() error {
	p.enter()
	defer p.leave()
	if p.closed {
		return nil
	}
	if p.loan.producer != nil {
		p.cancel()
	}
	p.flush()
	p.closed = true
	drained := !p.inHand.held
	for _, lane := range p.lanes {
		lane.StoreCursors()
		drained = drained && lane.Drained()
	}
	var err error
	if drained && !p.host.isGone.Load() {
		err = p.host.sayLast(link.KindGoodbye, nil)
	}
	p.host.close()
	return err
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
		Sleeps:      p.waiter.parker.Sleeps(),
		LostWakeups: p.waiter.parker.LostWakeups(),
	}
	for _, lane := range p.lanes {
		counters.Sent += lane.MailOut.Published()
	}
	return counters
}
