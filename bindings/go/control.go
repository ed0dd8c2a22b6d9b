package ringmail

import (
	"sync"
	"sync/atomic"
	"time"

	"ringmail.dev/ringmail/internal/link"
)

// lastWords is how long a host has to take them that does not read its stream.
const lastWords = 2 * time.Second

// control is the control stream after the handshake. A goroutine of its own reads it, so that the death of the other side is known
// at once.
type control struct {
	stream  *link.Stream
	take    func(*link.Frame) error // an error ends the link
	wake    func()                  // nil until somebody listens: ends a sleep of the peer's goroutine
	ended   func()                  // before isGone says so; nil: nobody need know
	gone    chan struct{}
	isGone  atomic.Bool
	leaving atomic.Bool // the end of the stream is then no death
	closed  sync.Once
}

func newControl(stream *link.Stream) *control {
	return &control{stream: stream, gone: make(chan struct{})}
}

func (c *control) listen() {
	for {
		frame, err := c.stream.Receive()
		if err == nil {
			err = c.take(&frame)
		}
		frame.Close()
		if err != nil {
			break
		}
	}
	if c.leaving.Load() {
		return
	}
	if c.ended != nil {
		c.ended()
	}
	c.isGone.Store(true)
	close(c.gone)
	c.wake()
}

// sayLast sends what the host may close the stream over.
func (c *control) sayLast(kind link.Kind, payload []byte) error {
	c.leaving.Store(true)
	_ = c.stream.SetWriteDeadline(time.Now().Add(lastWords))
	return c.stream.Send(kind, payload)
}

func (c *control) close() {
	c.leaving.Store(true)
	c.closed.Do(func() { _ = c.stream.Close() })
}
