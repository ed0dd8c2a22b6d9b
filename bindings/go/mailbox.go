package ringmail

import (
	"context"
	"fmt"

	"ringmail.dev/ringmail/internal/ring"
)

// Mailbox is an actor of the host, or another peer. It is good for the life of this process, and not to be stored.
type Mailbox struct {
	peer *Peer
	id   uint64
}

// ID of the mailbox. 0: nobody.
func (b Mailbox) ID() uint64 { return b.id }

// IsNobody tells whether nothing can be sent there.
func (b Mailbox) IsNobody() bool { return b.id == 0 }

func (b Mailbox) String() string { return fmt.Sprintf("mailbox %#x", b.id) }

// Send sends a message. It joins the batch that the next release, wait or flush publishes. When there is no room, what was
// sent so far is published, and the call waits for room until the context is done: then the error is ErrFull.
func (b Mailbox) Send(ctx context.Context, message Sendable) error {
	room, err := b.Loan(ctx, message.RingmailType(), message.RingmailSize())
	if err != nil {
		return err
	}
	message.RingmailPut(room)
	return b.peer.Publish()
}

// TrySend does not wait for room.
func (b Mailbox) TrySend(message Sendable) error {
	room, err := b.TryLoan(message.RingmailType(), message.RingmailSize())
	if err != nil {
		return err
	}
	message.RingmailPut(room)
	return b.peer.Publish()
}

// Loan is room for a message in the ring itself, to be written and then published or cancelled; it holds old bytes. Nothing
// else may be done with the peer meanwhile.
func (b Mailbox) Loan(ctx context.Context, typeID uint32, size int) ([]byte, error) {
	return b.loan(ctx, true, typeID, size, 0)
}

// TryLoan does not wait for room.
func (b Mailbox) TryLoan(typeID uint32, size int) ([]byte, error) {
	return b.loan(context.Background(), false, typeID, size, 0)
}

// Publish sends what was written to the loan, by the batch that the next release, wait or flush publishes.
func (b Mailbox) Publish() error { return b.peer.Publish() }

func (b Mailbox) loan(
	ctx context.Context, mayWait bool, typeID uint32, size int, correlation uint32,
) ([]byte, error) {
	return b.open(ctx, mayWait, size, ring.Head{Kind: ring.Message, Type: typeID, Correlation: correlation})
}

// open fills in the head's target and, where the other side would not know it, the sender.
func (b Mailbox) open(ctx context.Context, mayWait bool, size int, head ring.Head) ([]byte, error) {
	p := b.peer
	if p == nil {
		return nil, b.notFound()
	}
	p.enter()
	room, err := b.openEntered(ctx, mayWait, size, head)
	p.leave()
	return room, err
}

func (b Mailbox) openEntered(ctx context.Context, mayWait bool, size int, head ring.Head) ([]byte, error) {
	p := b.peer
	index := b.laneIndex()
	for {
		if b.id == 0 || index >= uint32(len(p.lanes)) || p.lost {
			if err := b.reach(ctx, mayWait); err != nil {
				return nil, err
			}
		}
		lane := p.lanes[index]
		to := head
		to.Target = b.id &^ lane.hidden
		to.Sender |= lane.self
		room, err := p.open(ctx, mayWait, lane, &lane.MailOut, size, to)
		if err != errCameBack {
			return room, err
		}
	}
}

// laneIndex is what the mailbox names in its bits.
func (b Mailbox) laneIndex() uint32 { return uint32(b.id & laneMask >> laneShift) }

// reach has the peer poll its lane, which may be one that was looked up just now, or of a host that is to come.
func (b Mailbox) reach(ctx context.Context, mayWait bool) error {
	p := b.peer
	if b.id == 0 {
		return b.notFound()
	}
	if p.lost {
		if err := p.findHost(ctx, mayWait); err != nil {
			return err
		}
	}
	if p.arrivals.any.Load() {
		p.adopt()
	}
	switch {
	case p.closed:
		return p.closedError()
	case b.laneIndex() >= uint32(len(p.lanes)):
		return b.notFound()
	}
	return nil
}

func (b Mailbox) notFound() error { return fmt.Errorf("%w: %v", ErrNotFound, b) }

// Loan is [Mailbox.Loan].
func (p *Peer) Loan(ctx context.Context, to Mailbox, typeID uint32, size int) ([]byte, error) {
	return to.Loan(ctx, typeID, size)
}

// loan is the one that is open, if one is.
type loan struct {
	open     bool
	producer *ring.Producer // nil: there is nobody any more for whom it is
	head     ring.Head
	answers  *Message // of a reply to the message in hand
}

// open loans room for a frame, and keeps its head until it is published.
func (p *Peer) open(
	ctx context.Context, mayWait bool, lane *lane, producer *ring.Producer, size int, head ring.Head,
) ([]byte, error) {
	var room []byte
	var err error
	if p.batch.lane == nil || head.Kind == ring.Signal {
		room, err = p.tryOpen(ctx, mayWait, lane, producer, size)
	} else {
		producer = &p.batch.lane.MailOut
		room, err = p.openInBatch(ctx, mayWait, size)
	}
	if err == nil {
		p.loan.open, p.loan.producer, p.loan.head = true, producer, head
	}
	return room, err
}

func (p *Peer) tryOpen(
	ctx context.Context, mayWait bool, lane *lane, producer *ring.Producer, size int,
) ([]byte, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	if size < 0 || uint64(size) > producer.MaxPayload() {
		return nil, fmt.Errorf("%w: a payload of %d bytes is more than half a ring (%d)", ErrTooLong, size, producer.MaxPayload())
	}
	switch {
	case lane.meeting != nil && lane.isCut():
		return nil, lane.cutOff()
	case p.accepted != nil && p.control.isGone.Load():
		return nil, p.goneError()
	}
	room := producer.TryLoan(uint32(size))
	if room == nil {
		w := &p.waiter
		w.wanted = wanted{lane: lane, producer: producer, length: uint64(size)}
		if err := w.waitForRoom(ctx, mayWait); err != nil {
			return nil, err
		}
		room = w.wanted.room
	}
	return room, nil
}

// Publish sends what was written to the open loan, by the batch that the next release, wait or flush publishes.
func (p *Peer) Publish() error {
	p.enter()
	err := p.publish()
	p.leave()
	return err
}

func (p *Peer) publish() error {
	if !p.loan.open {
		return p.noLoan()
	}
	if p.loan.producer != nil {
		p.loan.producer.Commit(p.loan.head)
		p.dirty = true
	}
	if p.loan.answers != nil {
		p.loan.answers.answered = true
		p.loan.answers = nil
	}
	p.loan.open = false
	return nil
}

// Cancel gives the open loan back.
func (p *Peer) Cancel() error {
	p.enter()
	defer p.leave()
	if !p.loan.open {
		return p.noLoan()
	}
	p.cancel()
	return nil
}

func (p *Peer) cancel() {
	if p.loan.producer != nil {
		p.loan.producer.Cancel()
	}
	p.loan = loan{}
}

func (p *Peer) noLoan() error {
	if p.closed {
		return p.closedError()
	}
	return misuse("no loan is open")
}
