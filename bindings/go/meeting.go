package ringmail

import (
	"fmt"
	"sync"
	"sync/atomic"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

// lane is one of a peer's: to its host, to the peer that has attached to it or, where there is a meeting, to another peer of the
// same host.
type lane struct {
	ring.Lane
	index   uint32
	memory  *memory // of the host; nil: of a peer that has attached
	meeting *meeting
	isLeft  bool // its host is dead: neither its rings nor its bell are touched any more

	// A mailbox of the other side's is named without these bits in frames, and with those by this peer's user.
	hidden, added uint64
	self          uint64 // what this peer is in frames, where the other side would not know it
}

// laneBetween is one to another peer: there a peer itself is 0.
func laneBetween(rings *ring.Lane, index uint32, name string) *lane {
	met := &lane{Lane: *rings, index: index, meeting: &meeting{name: name}, hidden: laneMask, added: uint64(index) << laneShift}
	met.meeting.state.Store(uint32(link.There))
	return met
}

// laneOfAccepted is one to a peer that has attached to this process. It knows one mailbox there, and so does this peer's user.
func laneOfAccepted(rings *ring.Lane) *lane {
	return &lane{Lane: *rings, hidden: ^uint64(0), added: otherMailbox, self: ownMailbox}
}

// meeting is what is known of the other peer of a lane.
type meeting struct {
	name   string
	state  atomic.Uint32 // a link.State
	broken bool          // it wrote the impossible: it is not read any more. The peer's goroutine's
}

func (l *lane) isBroken() bool { return l.meeting != nil && l.meeting.broken }

// isCut tells whether nothing can be sent there any more.
func (l *lane) isCut() bool { return l.meeting != nil && (l.meeting.broken || l.is(link.Ended)) }

// hasNoAsker tells whether nobody waits for an answer there: whoever asked is dead.
func (l *lane) hasNoAsker() bool { return l.isLeft || l.isCut() || l.is(link.Away) }

func (l *lane) is(state link.State) bool {
	return l.meeting != nil && link.State(l.meeting.state.Load()) == state
}

func (l *lane) cutOff() error {
	how := "has ended"
	if l.meeting.broken {
		how = "broke the protocol"
	}
	return fmt.Errorf("%w: the peer %q %s", ErrNotFound, l.meeting.name, how)
}

// arrivals are the lanes that the host has introduced, and how they come to the peer's goroutine.
type arrivals struct {
	any    atomic.Bool // there are some that it has not taken yet
	memory *memory

	mutex sync.Mutex
	first uint32  // lanes that came with the welcome
	met   []*lane // all others
	taken int     // so many of them the goroutine has
}

func (a *arrivals) meet(introduce link.Introduce, descriptors []int) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	next := a.first + uint32(len(a.met))
	if introduce.Lane != next || next >= ring.MaxLanes {
		return fmt.Errorf("lane %d is not the next of %d", introduce.Lane, next)
	}
	rings, unmap, err := link.Meet(introduce, descriptors)
	if err != nil {
		return err
	}
	a.memory.add(unmap)
	met := laneBetween(rings, next, introduce.Name)
	met.memory = a.memory
	a.met = append(a.met, met)
	a.any.Store(true)
	return nil
}

// note tells whether there is such a lane.
func (a *arrivals) note(index uint32, state link.State) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if index < a.first || index-a.first >= uint32(len(a.met)) {
		return false
	}
	a.met[index-a.first].meeting.state.Store(uint32(state))
	return true
}

// adopt has the peer poll the lanes that have come.
func (p *Peer) adopt() {
	a := p.arrivals
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.any.Store(false)
	for _, lane := range a.met[a.taken:] {
		if p.lanes[0].Stopping() {
			lane.StopReading()
		}
		p.lanes = append(p.lanes, lane)
	}
	a.taken = len(a.met)
}

// cut gives up the lane of a peer that has written the impossible: this link goes on without it, and the host is told.
func (p *Peer) cut(lane *lane, why string) {
	if lane.meeting.broken {
		return
	}
	lane.meeting.broken = true
	text := fmt.Sprintf("'%s' broke the protocol: %s", lane.meeting.name, why)
	_ = p.control.stream.Send(link.KindIntroduced, link.EncodeIntroduced(lane.index, text)) // an error is the host's death
}

// faulted deals with what the other end of a lane cannot have meant.
func (p *Peer) faulted(lane *lane, why string) error {
	if lane.meeting != nil {
		p.cut(lane, why)
		return nil
	}
	return &ProtocolError{Text: why, byPeer: p.accepted != nil}
}

// isForThisLife tells whether an answer is to this incarnation: between two peers rings outlive them, and so do answers to whoever
// is dead.
func (p *Peer) isForThisLife(lane *lane, correlation uint32) bool {
	return lane.meeting == nil || correlation&lifeMask == p.life()
}

// Of the number of an ask: the low bits of its asker's incarnation stand above a count.
const (
	asksOfALife = 1<<24 - 1
	lifeMask    = 0x7f << 24
)

func (p *Peer) life() uint32 { return uint32(p.said.Load().incarnation&0x7f) << 24 }

// The bits of a mailbox that name its lane.
const (
	laneShift = 52
	laneMask  = uint64(ring.MaxLanes-1) << laneShift
)
