package ringmail

import (
	"context"
	"fmt"
	"sync"

	"ringmail.dev/ringmail/internal/link"
)

// host is what is said with a host after the handshake: names can be looked up by any goroutine.
type host struct {
	*control
	arrivals *arrivals
	mayMeet  bool          // introductions were agreed on
	replaced chan struct{} // closed when the peer has come to the next host

	mutex   sync.Mutex
	request uint32
	lookups map[uint32]chan link.Resolved
}

func newHost(control *control, arrivals *arrivals, mayMeet bool) *host {
	h := &host{control: control, arrivals: arrivals, mayMeet: mayMeet, replaced: make(chan struct{}), lookups: map[uint32]chan link.Resolved{}}
	control.take = h.take
	return h
}

func (h *host) take(frame *link.Frame) error {
	switch frame.Kind {
	case link.KindResolved:
		return h.resolved(frame)
	case link.KindIntroduce:
		return h.introduce(frame)
	case link.KindPresence:
		lane, state, err := link.DecodePresence(frame.Payload)
		if err == nil && h.arrivals.note(lane, state) {
			h.wake()
		}
		return err
	}
	return nil // nothing else is of this version
}

func (h *host) resolved(frame *link.Frame) error {
	answer, err := link.DecodeResolved(frame.Payload)
	if err != nil {
		return err
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if waiting := h.lookups[answer.Request]; waiting != nil {
		waiting <- answer // has room for it
		delete(h.lookups, answer.Request)
	}
	return nil
}

// introduce maps the lane here and not in the peer's goroutine, which may be in a handler for long: the lane is polled from then on
// whenever that one polls.
func (h *host) introduce(frame *link.Frame) error {
	introduce, err := link.DecodeIntroduce(frame.Payload)
	if err != nil {
		return err
	}
	text := ""
	if !h.mayMeet {
		text = "introductions were not agreed on"
	} else if err := h.arrivals.meet(introduce, frame.Descriptors); err != nil {
		text = err.Error()
	}
	h.wake()
	return h.stream.Send(link.KindIntroduced, link.EncodeIntroduced(introduce.Lane, text))
}

func (h *host) lookup(ctx context.Context, name string) (uint64, error) {
	if !link.IsName(name) {
		return 0, fmt.Errorf("%w: %q is not a name", ErrNotFound, name) // the host would end the link over it
	}
	answered := make(chan link.Resolved, 1)
	h.mutex.Lock()
	h.request++
	request := h.request
	h.lookups[request] = answered
	h.mutex.Unlock()
	defer func() {
		h.mutex.Lock()
		delete(h.lookups, request)
		h.mutex.Unlock()
	}()
	if err := h.stream.Send(link.KindResolve, link.EncodeResolve(request, name)); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrHostGone, err)
	}
	select {
	case answer := <-answered:
		if !answer.Found {
			return 0, fmt.Errorf("%w: no mailbox has the name %q", ErrNotFound, name)
		}
		return answer.Mailbox, nil
	case <-h.gone:
		return 0, ErrHostGone
	case <-ctx.Done():
		return 0, fmt.Errorf("the host did not answer where %q is: %w", name, ctx.Err())
	}
}

// ringLane is how a host is rung that does not share its bells. An error is the host's death, which listen notices.
func (h *host) ringLane(lane uint32) { _ = h.stream.Send(link.KindRing, link.EncodeRing(lane)) }
