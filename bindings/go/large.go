package ringmail

import (
	"context"
	"fmt"

	"ringmail.dev/ringmail/internal/ring"
)

// Body is one that was kept: the bytes that a message came with, in shared memory. It may be used by any goroutine.
type Body struct {
	bodies *ring.Bodies
	memory *memory
	body   ring.Body
}

// Body is what the message came with beside its payload: the shared memory itself, read-only, and good until the message is
// released. nil: there is none.
func (m *Message) Body() []byte {
	m.check()
	if m.body.Serial == 0 {
		return nil
	}
	return m.body.Bytes
}

// Keep has the body outlive its message, until it is released. Kept bodies take room from whoever writes them.
func (m *Message) Keep() (Body, error) {
	m.check()
	switch {
	case m.body.Serial == 0:
		return Body{}, misuse("the message has no body")
	case m.bodyKept:
		return Body{}, misuse("the body is kept already")
	}
	m.bodyKept = true
	m.lane.BodiesIn.Keep(m.body)
	m.lane.memory.use()
	return Body{m.lane.BodiesIn, m.lane.memory, m.body}, nil
}

// Bytes are the shared memory itself: read-only, and good until the release. It panics after that.
func (b Body) Bytes() []byte {
	if b.bodies == nil || !b.bodies.IsKept(b.body) {
		panic("ringmail: the body has been released")
	}
	return b.body.Bytes
}

// Release gives the body back, once; its writer may use the memory anew. At the latest the death of this process does so.
func (b Body) Release() error {
	if b.bodies == nil || !b.bodies.Unkeep(b.body) {
		return misuse("the body has been released")
	}
	b.memory.done()
	return nil
}

// BodyLoan is room for the body of a message, in shared memory. Several may be open, for as long as this process lives.
type BodyLoan struct {
	peer *Peer
	lane *lane
	loan ring.Loan
}

// LoanLarge is room for a body of so many bytes, to be written, by whichever goroutine, and then sent with a message to this mailbox
// or cancelled; it holds old bytes. When there is none, what was sent so far is published, and the call waits until the context is
// done for readers to give bodies back: then the error is ErrFull.
func (b Mailbox) LoanLarge(ctx context.Context, size int) (BodyLoan, error) {
	return b.loanLarge(ctx, true, size)
}

// TryLoanLarge does not wait for room.
func (b Mailbox) TryLoanLarge(size int) (BodyLoan, error) {
	return b.loanLarge(context.Background(), false, size)
}

func (b Mailbox) loanLarge(ctx context.Context, mayWait bool, size int) (BodyLoan, error) {
	p := b.peer
	if p == nil {
		return BodyLoan{}, ErrNotFound
	}
	p.enter()
	defer p.leave()
	if err := p.usable(); err != nil {
		return BodyLoan{}, err
	}
	for {
		loan, err := b.loanLargeEntered(ctx, mayWait, size)
		if err != errCameBack {
			return loan, err
		}
	}
}

func (b Mailbox) loanLargeEntered(ctx context.Context, mayWait bool, size int) (BodyLoan, error) {
	p := b.peer
	if err := b.reach(ctx, mayWait); err != nil {
		return BodyLoan{}, err
	}
	lane := p.lanes[b.laneIndex()]
	switch {
	case p.accepted != nil || lane.meeting != nil:
		return BodyLoan{}, fmt.Errorf("%w: there are no bodies between two peers", ErrUnsupported)
	case lane.BodiesOut == nil:
		return BodyLoan{}, fmt.Errorf("%w: the host has no arena", ErrUnsupported)
	case size < 0 || uint64(size) > lane.BodiesOut.Size():
		return BodyLoan{}, fmt.Errorf("%w: a body of %d bytes is more than the host has room for (%d)",
			ErrTooLong, size, lane.BodiesOut.Size())
	}
	w := &p.waiter
	w.wanted = wanted{lane: lane, length: uint64(size)}
	if !w.wanted.loan() {
		if err := w.waitForRoom(ctx, mayWait); err != nil {
			return BodyLoan{}, err
		}
	}
	lane.memory.use()
	return BodyLoan{p, lane, w.wanted.body}, nil
}

// Bytes are the shared memory itself. Nobody may write to it once it is sent.
func (l BodyLoan) Bytes() []byte { return l.loan.Bytes }

// Cancel gives the room back.
func (l BodyLoan) Cancel() error {
	if l.peer == nil {
		return l.notOpen()
	}
	l.peer.enter()
	defer l.peer.leave()
	if !l.lane.BodiesOut.IsOpen(l.loan) {
		return l.notOpen()
	}
	l.lane.BodiesOut.Cancel(l.loan)
	l.lane.memory.done()
	return nil
}

func (l BodyLoan) notOpen() error {
	return misuse("the body has been sent or cancelled, or is for another mailbox")
}

// SendLarge sends a message with a body, as Send does. The body is the receiver's then.
func (b Mailbox) SendLarge(ctx context.Context, message Sendable, body BodyLoan) error {
	return b.sendLarge(ctx, true, message, body)
}

// TrySendLarge does not wait for room in the ring.
func (b Mailbox) TrySendLarge(message Sendable, body BodyLoan) error {
	return b.sendLarge(context.Background(), false, message, body)
}

// AskLarge asks with a body, as Ask does. Answers have none.
func (b Mailbox) AskLarge(ctx context.Context, message Sendable, body BodyLoan) (*Call, error) {
	p := b.peer
	if p == nil {
		return nil, ErrNotFound
	}
	p.enter()
	defer p.leave()
	if err := b.canSend(body); err != nil {
		return nil, err
	}
	room, correlation, err := b.openAsk(ctx, ring.BodyPlaceBytes+message.RingmailSize(), body.head(message))
	if err == nil {
		err = body.send(message, room)
	}
	if err != nil {
		return nil, err
	}
	return p.calls.begin(ctx, correlation), nil
}

func (b Mailbox) sendLarge(ctx context.Context, mayWait bool, message Sendable, body BodyLoan) error {
	p := b.peer
	if p == nil {
		return ErrNotFound
	}
	p.enter()
	defer p.leave()
	if err := b.canSend(body); err != nil {
		return err
	}
	room, err := b.openEntered(ctx, mayWait, ring.BodyPlaceBytes+message.RingmailSize(), body.head(message))
	if err != nil {
		return err
	}
	return body.send(message, room)
}

func (b Mailbox) canSend(body BodyLoan) error {
	p := b.peer
	switch {
	case b.id == 0:
		return b.notFound()
	case body.peer != p || body.lane.isLeft || body.lane.index != b.laneIndex() || !body.lane.BodiesOut.IsOpen(body.loan):
		return body.notOpen()
	}
	return nil
}

func (l BodyLoan) head(message Sendable) ring.Head {
	return ring.Head{Kind: ring.Large, Type: message.RingmailType()}
}

// send publishes the message for which there is room, with the body.
func (l BodyLoan) send(message Sendable, room []byte) error {
	p := l.peer
	if l.lane.isLeft { // while the ring was full
		p.cancel()
		return l.notOpen()
	}
	l.lane.BodiesOut.Place(l.loan, room)
	message.RingmailPut(room[ring.BodyPlaceBytes:])
	err := p.publish()
	l.lane.BodiesOut.Sent(l.loan, &l.lane.MailOut)
	l.lane.memory.done()
	return err
}
