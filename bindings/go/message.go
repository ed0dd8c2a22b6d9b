package ringmail

import (
	"context"
	"hash/fnv"

	"ringmail.dev/ringmail/internal/ring"
)

// doneType is the type id of the name ringmail.Done: the answer to an ask of what promises no reply.
const doneType = 0xc68cbb46

// Sendable is a message that can be sent: what `ringmail gen --lang go` generates is, as a value, a view or a draft.
type Sendable interface {
	RingmailType() uint32
	RingmailSize() int
	RingmailPut(room []byte)
}

// Message is one that was received. It is good until it is released: then its methods panic, and the host may overwrite its
// payload.
type Message struct {
	peer        *Peer
	lane        *lane
	frame       ring.Frame // its payload without what stands before the message
	body        ring.Body  // none: its serial is 0
	bodyKept    bool
	held        bool
	answered    bool
	redelivered bool
	attempt     uint32
}

// begin takes in hand what was peeked into its frame.
func (m *Message) begin(lane *lane) {
	lane.MailIn.Begin()
	if m.peer.acknowledges {
		m.peer.beginBatch(lane)
	}
	m.lane, m.body.Serial = lane, 0
	m.held, m.answered = true, false
	m.redelivered, m.attempt = lane.MailIn.Redelivers(), lane.MailIn.Attempt()
}

func (m *Message) check() {
	if !m.held {
		panic("ringmail: the message has been released")
	}
}

// Type is the type id of the message.
func (m *Message) Type() uint32 {
	m.check()
	return m.frame.Type
}

// Payload is the ring itself: read-only, and good until the message is released. Writing to it ends the process.
func (m *Message) Payload() []byte {
	m.check()
	return m.frame.Payload
}

// Sender is who sent it; nobody, if no actor did. It is good for the life of this process.
func (m *Message) Sender() Mailbox {
	m.check()
	return Mailbox{m.peer, m.frame.Sender&^m.lane.hidden | m.lane.added}
}

// Redelivered tells whether an earlier incarnation of this peer may have handled it.
func (m *Message) Redelivered() bool {
	m.check()
	return m.redelivered
}

// Attempt is how many incarnations died with this very message in hand.
func (m *Message) Attempt() uint32 {
	m.check()
	return m.attempt
}

// Asked tells whether somebody waits for an answer: until there was one, or it was kept by Later.
func (m *Message) Asked() bool {
	m.check()
	return m.frame.Correlation != 0 && !m.answered
}

// Later keeps the ask: what it returns may answer after the message was released.
func (m *Message) Later() Answer {
	m.check()
	answer := m.answer()
	m.answered = true
	return answer
}

func (m *Message) answer() Answer {
	if !m.Asked() {
		return Answer{}
	}
	return Answer{m.peer, m.lane, m.frame.Correlation, m.frame.Target, m.frame.Sender}
}

// Reply answers the ask.
func (m *Message) Reply(reply Sendable) error {
	err := m.answer().Reply(reply)
	m.answered = m.answered || err == nil
	return err
}

// ReplyRoom is room for the reply in the ring itself, to be written and then published or cancelled. It holds old bytes.
func (m *Message) ReplyRoom(typeID uint32, size int) ([]byte, error) {
	room, err := m.answer().ReplyRoom(typeID, size)
	if err == nil {
		m.peer.loan.answers = m
	}
	return room, err
}

// Publish sends what was written to ReplyRoom.
func (m *Message) Publish() error { return m.peer.Publish() }

// Done answers an ask of what promises no reply. Where nobody asked, it does nothing.
func (m *Message) Done() error {
	if !m.Asked() {
		return nil
	}
	err := m.answer().Done()
	m.answered = err == nil
	return err
}

// Refuse tells the asker that there will be no answer. Where nobody asked, it does nothing.
func (m *Message) Refuse(reason Reason) error {
	if !m.Asked() {
		return nil
	}
	err := m.answer().Refuse(reason)
	m.answered = err == nil
	return err
}

// NoHandler drops the message: the asker is refused, and the log told of each type once.
func (m *Message) NoHandler() error {
	m.check()
	p := m.peer
	p.dropped++
	if !p.unknown[m.frame.Type] {
		if p.unknown == nil {
			p.unknown = map[uint32]bool{}
		}
		p.unknown[m.frame.Type] = true
		p.logf("ringmail: a message of the type %#x is dropped: it has no handler", m.frame.Type)
	}
	return m.Refuse(NoHandler)
}

// Release says that the message is finished: it publishes what was sent meanwhile, and only then may the host forget it. One
// that is not released when this process dies is given to the next incarnation.
func (m *Message) Release() error {
	m.check()
	p := m.peer
	p.enter()
	err := p.usable()
	if err == nil {
		p.release()
	}
	p.leave()
	return err
}

func (p *Peer) release() {
	lane := p.inHand.lane
	if lane.isLeft {
		if lane = p.releaseLeft(); lane == nil {
			return
		}
	}
	p.inHand.held = false
	p.received++
	lane.MailIn.Advance()
	if p.batch.lane != nil {
		p.endBatch()
	}
	// What the message led to is published before the cursor says that it is finished: a crash in between repeats, and loses
	// nothing.
	p.flush()
	hasBody := p.inHand.body.Serial != 0
	if hasBody && !p.inHand.bodyKept {
		lane.BodiesIn.GiveBack(p.inHand.body.Slot, p.inHand.body.Serial)
	}
	// Who waits for a block needs the cursor as well.
	if hasBody || lane.MailIn.CursorDue() || lane.MailIn.Empty() {
		lane.StoreCursors()
	}
}

// Answer is an ask that was kept. It is good for the life of this process, and answers once.
type Answer struct {
	peer        *Peer
	lane        *lane
	correlation uint32
	target      uint64
	sender      uint64
}

// Reply answers the ask.
func (a Answer) Reply(reply Sendable) error {
	room, err := a.ReplyRoom(reply.RingmailType(), reply.RingmailSize())
	if err != nil {
		return err
	}
	reply.RingmailPut(room)
	return a.peer.Publish()
}

// ReplyRoom is room for the reply in the ring itself, to be written and then published or cancelled. It holds old bytes.
func (a Answer) ReplyRoom(typeID uint32, size int) ([]byte, error) {
	return a.room(ring.Reply, typeID, size)
}

// Done answers an ask of what promises no reply.
func (a Answer) Done() error { return a.empty(ring.Reply, doneType) }

// Refuse tells the asker that there will be no answer.
func (a Answer) Refuse(reason Reason) error { return a.empty(ring.NoReply, uint32(reason)) }

func (a Answer) empty(kind ring.Kind, typeID uint32) error {
	if _, err := a.room(kind, typeID, 0); err != nil {
		return err
	}
	return a.peer.Publish()
}

// room never waits for long: answers have a ring of their own, which goes back where the ask came from.
func (a Answer) room(kind ring.Kind, typeID uint32, size int) ([]byte, error) {
	if a.peer == nil {
		return nil, misuse("nobody waits for an answer")
	}
	p := a.peer
	p.enter()
	room, err := a.open(kind, typeID, size)
	p.leave()
	return room, err
}

func (a Answer) open(kind ring.Kind, typeID uint32, size int) ([]byte, error) {
	p := a.peer
	if p.lost || a.lane.hasNoAsker() {
		return p.openForNobody(size)
	}
	room, err := p.open(context.Background(), true, a.lane, &a.lane.ControlOut, size,
		ring.Head{Kind: kind, Type: typeID, Correlation: a.correlation, Target: a.sender, Sender: a.target})
	if err != nil && a.lane.hasNoAsker() && !p.closed {
		return p.openForNobody(size) // it died while its ring was full
	}
	return room, err
}

// openForNobody is room for an answer to another peer, or a host, that is dead: the next one has not asked.
func (p *Peer) openForNobody(size int) ([]byte, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	p.loan.open, p.loan.producer = true, nil
	return make([]byte, size), nil
}

// TypeID is the type id of a qualified name: "flights.Flight".
func TypeID(name string) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name)) // never fails
	return hash.Sum32()
}
