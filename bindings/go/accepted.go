package ringmail

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

// What a process that listens is to those who have attached; and in its own calls they are to it. On the wire a peer itself is 0.
const (
	ownMailbox   = 1
	otherMailbox = 1
)

// accepted is the other end of a link that a Listener has given out.
type accepted struct {
	control *control
	process link.Process
	memory  *link.Incarnation
	mail    *keptMail // as it was when the link began; afterwards the listener's
	left    *leftMail
	ownName string // of this process

	ending    sync.Once // leave
	mutex     sync.Mutex
	lastWords string
}

// newAcceptedPeer is a link whose peer is ready.
func newAcceptedPeer(a *accepted, stream *link.Stream, hello link.Hello) *Peer {
	rings, mirror := a.memory.Lane()
	rings.MailOut.TakeOver(&a.mail.ring)
	p := newPeer(ring.NewMirrorParker(mirror))
	p.arrivals = &arrivals{}
	p.control = newControl(stream)
	p.control.wake = p.waiter.wake
	p.lanes = []*lane{laneOfAccepted(rings)}
	p.said.Store(&said{name: hello.Name, schema: hello.Schema, incarnation: a.mail.incarnation})
	p.accepted, a.control = a, p.control
	p.control.take = a.take
	go p.control.listen()
	go func() {
		if a.process.WaitForEnd() {
			stream.OtherIsDead()
		}
	}()
	return p
}

func (a *accepted) take(frame *link.Frame) error {
	if len(frame.Descriptors) > 0 {
		return fmt.Errorf("a descriptor came with a %v", frame.Kind)
	}
	switch frame.Kind {
	case link.KindResolve:
		request, name, err := link.DecodeResolve(frame.Payload)
		if err != nil {
			return err
		}
		answer := link.Resolved{Request: request, Found: name == a.ownName}
		if answer.Found {
			answer.Mailbox = ownMailbox
		}
		return a.control.stream.Send(link.KindResolved, answer.Encode())
	case link.KindFailure:
		text, err := link.DecodeFailure(frame.Payload)
		a.mutex.Lock()
		defer a.mutex.Unlock()
		if a.lastWords == "" {
			a.lastWords = text
		}
		return err
	case link.KindRing:
		a.control.wake()
	}
	return nil
}

func (a *accepted) goneError() error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.lastWords == "" {
		return ErrPeerGone
	}
	return fmt.Errorf("%w: %s", ErrPeerGone, a.lastWords)
}

// leave gives the mail to the listener, for the next of that name. The peer does not send any more.
func (a *accepted) leave(p *Peer) {
	a.ending.Do(func() {
		if p.loan.open {
			p.cancel()
		}
		p.flush()
		a.mail.leave(&p.lanes[0].MailOut)
		a.process.Close()
		a.left.end(p.Name(), a.mail)
	})
}

// unmap is called when nobody uses the peer any more.
func (a *accepted) unmap() {
	if a.memory == nil {
		return
	}
	a.memory.Unmap()
	a.memory = nil
}

// Other is the mailbox of the peer that has attached to this process. Of a peer that has a host it is nobody.
func (p *Peer) Other() Mailbox {
	if p.accepted == nil {
		return Mailbox{}
	}
	return Mailbox{p, otherMailbox}
}

// Stop tells the peer that has attached to this process to stop, behind all that was sent before. What it sends until it has ended is
// received as ever; the end is an ErrPeerGone.
func (p *Peer) Stop(ctx context.Context) error {
	if p.accepted == nil {
		return fmt.Errorf("%w: a host is not told to stop", ErrUnsupported)
	}
	if err := p.Flush(); err != nil {
		return err
	}
	p.enter()
	defer p.leave()
	lane := p.lanes[0]
	room, err := p.open(ctx, true, lane, &lane.ControlOut, 8, ring.Head{Kind: ring.Stop})
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(room, lane.MailOut.Tail())
	err = p.publish()
	p.flush()
	return err
}

// Unfinished counts the messages to the peer that has attached which it has not finished yet.
func (p *Peer) Unfinished() uint64 {
	p.enter()
	defer p.leave()
	if p.accepted == nil || p.closed {
		return 0
	}
	p.flush()
	return p.lanes[0].MailOut.Unfinished().Messages
}
