package ringmail

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ringmail.dev/ringmail/internal/link"
)

// lastWords is how long a host has to take them that does not read its stream.
const lastWords = 2 * time.Second

// host is the control stream after the handshake. A goroutine of its own reads it, so that the host's death is known at once
// and names can be looked up by anybody.
type host struct {
	stream  *link.Stream
	wake    func() // ends a sleep of the peer's goroutine
	gone    chan struct{}
	isGone  atomic.Bool
	leaving atomic.Bool // the end of the stream is then no death
	closed  sync.Once

	mutex   sync.Mutex
	request uint32
	lookups map[uint32]chan link.Resolved
}

func newHost(stream *link.Stream, wake func()) *host {
	return &host{stream: stream, wake: wake, gone: make(chan struct{}), lookups: map[uint32]chan link.Resolved{}}
}

func (h *host) listen() {
	for {
		frame, err := h.stream.Receive()
		frame.Close() // none is due any more
		if err != nil {
			break
		}
		if frame.Kind != link.KindResolved {
			continue // nothing else is of this version
		}
		answer, err := link.DecodeResolved(frame.Payload)
		if err != nil {
			break
		}
		h.mutex.Lock()
		if waiting := h.lookups[answer.Request]; waiting != nil {
			waiting <- answer // has room for it
			delete(h.lookups, answer.Request)
		}
		h.mutex.Unlock()
	}
	if h.leaving.Load() {
		return
	}
	h.isGone.Store(true)
	close(h.gone)
	h.wake()
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

// sayLast sends what the host may close the stream over.
func (h *host) sayLast(kind link.Kind, payload []byte) error {
	h.leaving.Store(true)
	_ = h.stream.SetWriteDeadline(time.Now().Add(lastWords))
	return h.stream.Send(kind, payload)
}

func (h *host) close() {
	h.leaving.Store(true)
	h.closed.Do(func() { _ = h.stream.Close() })
}
