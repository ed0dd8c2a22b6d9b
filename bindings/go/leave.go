package ringmail

import (
	"errors"
	"fmt"

	"ringmail.dev/ringmail/internal/link"
)

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
		return p.closedError()
	}
	if p.loan.open {
		p.cancel()
	}
	p.flush()
	p.storeCursors()
	p.closed = true
	if p.accepted != nil {
		p.accepted.leave(p)
		p.control.close()
		return nil // a peer that has attached is told nothing of failures
	}
	err := p.control.sayLast(link.KindFailure, link.EncodeFailure(text))
	p.control.close()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHostGone, err)
	}
	return nil
}

// Close leaves the host: it publishes what is open and, if the host said stop and all mail was released, says goodbye. The
// memory stays mapped until the process exits, so that nothing that was handed out can dangle.
//
// Of a peer that has attached it ends the link, and its memory: nothing that was received may be touched then. The mail that it has
// not finished waits at the listener for the next of its name.
func (p *Peer) Close() error {
	p.enter()
	defer p.leave()
	if !p.closed {
		if p.loan.open {
			p.cancel()
		}
		p.flush()
		p.storeCursors()
	}
	var err error
	if p.accepted != nil {
		p.closed = true
		p.accepted.leave(p)
		p.control.close()
		p.accepted.unmap()
	} else if !p.closed {
		p.closed = true
		if p.hasFinished() && !p.control.isGone.Load() {
			err = p.control.sayLast(link.KindGoodbye, nil)
		}
		p.control.close()
	}
	return err
}

// hasFinished tells whether the host said stop, and all there was to do is done.
func (p *Peer) hasFinished() bool {
	finished := !p.inHand.held && len(p.lanes) > 0
	for _, lane := range p.lanes {
		finished = finished && (lane.Drained() || lane.isBroken())
	}
	return finished
}

// ended is why a wait for messages ended, after which nothing more comes if the other side is gone.
func (p *Peer) ended(err error) error {
	if p.accepted != nil && errors.Is(err, ErrPeerGone) {
		p.closed = true
		p.accepted.leave(p) // its successor may come
	}
	return err
}

func (p *Peer) goneError() error {
	if p.accepted != nil {
		return p.accepted.goneError()
	}
	return ErrHostGone
}

func (p *Peer) closedError() error {
	switch {
	case p.accepted != nil && p.control.isGone.Load():
		return p.goneError()
	case p.back != nil && p.back.ended() != nil:
		return p.back.ended()
	}
	return ErrClosed
}
