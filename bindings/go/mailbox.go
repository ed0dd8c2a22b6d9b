package ringmail

import (
	"context"
	"fmt"

	"ringmail.dev/ringmail/internal/ring"
)

// Mailbox is an actor of the host. It is good for the life of this process, and not to be stored.
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
	return b.open(ctx, mayWait, size,
		ring.Head{Kind: ring.Message, Type: typeID, Correlation: correlation, Target: b.id})
}

func (b Mailbox) open(ctx context.Context, mayWait bool, size int, head ring.Head) ([]byte, error) {
	// A mailbox names its lane.
	lane := int(b.id >> 52 & (ring.MaxLanes - 1))
	if b.id == 0 || lane >= len(b.peer.lanes) {
		return nil, fmt.Errorf("%w: %v", ErrNotFound, b)
	}
	return b.peer.open(ctx, mayWait, b.peer.lanes[lane], &b.peer.lanes[lane].MailOut, size, head)
}

// Loan is [Mailbox.Loan].
func (p *Peer) Loan(ctx context.Context, to Mailbox, typeID uint32, size int) ([]byte, error) {
	return to.Loan(ctx, typeID, size)
}

// loan is the one that is open, if it has a producer.
type loan struct {
	producer *ring.Producer
	head     ring.Head
	answers  *Message // of a reply to the message in hand
}

// open loans room for a frame, and keeps its head until it is published.
func (p *Peer) open(
	ctx context.Context, mayWait bool, lane *ring.Lane, producer *ring.Producer, size int, head ring.Head,
) ([]byte, error) {
	p.enter()
	defer p.leave()
	if err := p.usable(); err != nil {
		return nil, err
	}
	if size < 0 || uint64(size) > producer.MaxPayload() {
		return nil, fmt.Errorf("%w: %d bytes, and the most is %d", ErrTooLong, size, producer.MaxPayload())
	}
	room := producer.TryLoan(uint32(size))
	if room == nil {
		// What is open must be seen, or its consumer could not make room.
		p.flush()
		room = producer.TryLoan(uint32(size))
	}
	if room == nil {
		if fault := lane.Fault(); fault != ring.NoFault {
			return nil, &ProtocolError{fault.String()}
		}
		if !mayWait {
			return nil, ErrFull
		}
		var err error
		if room, err = p.waiter.waitForRoom(ctx, producer, uint32(size)); err != nil {
			return nil, err
		}
	}
	p.loan = loan{producer: producer, head: head}
	return room, nil
}

// Publish sends what was written to the open loan, by the batch that the next release, wait or flush publishes.
func (p *Peer) Publish() error {
	p.enter()
	defer p.leave()
	if p.loan.producer == nil {
		return p.noLoan()
	}
	p.loan.producer.Commit(p.loan.head)
	if p.loan.answers != nil {
		p.loan.answers.answered = true
	}
	p.loan = loan{}
	p.dirty = true
	return nil
}

// Cancel gives the open loan back.
func (p *Peer) Cancel() error {
	p.enter()
	defer p.leave()
	if p.loan.producer == nil {
		return p.noLoan()
	}
	p.cancel()
	return nil
}

func (p *Peer) cancel() {
	p.loan.producer.Cancel()
	p.loan = loan{}
}

func (p *Peer) noLoan() error {
	if p.closed {
		return ErrClosed
	}
	return misuse("no loan is open")
}
