package ringmail

import (
	"context"
	"sync/atomic"

	"ringmail.dev/ringmail/internal/ring"
)

// Reply is the answer to an ask. Its payload is a copy, and its receiver's.
type Reply struct {
	Type    uint32
	Payload []byte
}

// Call is an ask that is under way. Several may be at once; what has been asked is published by whatever waits.
type Call struct {
	peer        *Peer
	correlation uint32
	ctx         context.Context
	finished    bool
	reply       Reply
	err         error
	then        func(Reply, error) error
	unwatch     func() bool
}

// Ask sends a message that is to be answered. The context is for the wait for room, and for what Then is told.
func (b Mailbox) Ask(ctx context.Context, message Sendable) (*Call, error) {
	call, room, err := b.ask(ctx, message.RingmailType(), message.RingmailSize())
	if err != nil {
		return nil, err
	}
	message.RingmailPut(room)
	return call, b.peer.Publish()
}

// Call asks and waits: the type and the payload of the reply.
func (b Mailbox) Call(ctx context.Context, typeID uint32, payload []byte) (uint32, []byte, error) {
	call, room, err := b.ask(ctx, typeID, len(payload))
	if err != nil {
		return 0, nil, err
	}
	copy(room, payload)
	if err := b.peer.Publish(); err != nil {
		return 0, nil, err
	}
	reply, err := call.Wait(ctx)
	return reply.Type, reply.Payload, err
}

func (b Mailbox) ask(ctx context.Context, typeID uint32, size int) (*Call, []byte, error) {
	p := b.peer
	if p == nil {
		return nil, nil, ErrNotFound
	}
	p.enter()
	defer p.leave()
	if p.batch.lane != nil {
		return nil, nil, errAskInBatch
	}
	room, correlation, err := b.openAsk(ctx, size, ring.Head{Kind: ring.Message, Type: typeID})
	if err != nil {
		return nil, nil, err
	}
	return p.calls.begin(ctx, correlation), room, nil
}

// openAsk gives the ask a number of the incarnation that asks: the peer may have come to another host meanwhile.
func (b Mailbox) openAsk(ctx context.Context, size int, head ring.Head) ([]byte, uint32, error) {
	for p := b.peer; ; {
		head.Correlation = p.calls.next()
		life := p.life()
		room, err := b.openEntered(ctx, true, size, head)
		if err != nil || p.life() == life {
			return room, head.Correlation, err
		}
		p.cancel()
	}
}

// Wait waits for the answer until the context is done, also in the middle of a handler: mail is not read meanwhile. An answer
// that comes later is dropped. The error is a DeclinedError when there will be none.
func (c *Call) Wait(ctx context.Context) (Reply, error) {
	p := c.peer
	p.enter()
	defer p.leave()
	if err := p.usable(); err != nil {
		return Reply{}, err
	}
	if c.then != nil {
		return Reply{}, misuse("the answer goes to a function")
	}
	for !c.finished {
		if p.arrivals.any.Load() {
			p.adopt()
		}
		for _, lane := range p.lanes {
			if err := p.takeControl(lane); err != nil {
				return Reply{}, err
			}
			if fault := lane.ControlIn.Fault(); fault != ring.NoFault {
				if err := p.faulted(lane, fault.String()); err != nil {
					return Reply{}, err
				}
			}
		}
		if c.finished {
			break
		}
		if err := p.waiter.wait(ctx, p.waiter.forAnswers); err != nil {
			if err == errHeldBack { // who would answer is dead
				err = ErrHostRestarted
			}
			p.calls.forget(c)
			c.finish(Reply{}, err)
		}
	}
	return c.reply, c.err
}

// Then has Run or Receive call a function with the answer, or with the error why there is none: that of the ask's context,
// when it is done before, and ErrStopped at the end. An error that the function returns is treated like that of a handler.
func (c *Call) Then(function func(Reply, error) error) {
	c.peer.enter()
	defer c.peer.leave()
	c.then = function
	if c.finished {
		c.peer.calls.ready = append(c.peer.calls.ready, c)
		return
	}
	if c.ctx.Done() != nil {
		peer := c.peer
		c.unwatch = context.AfterFunc(c.ctx, func() {
			peer.calls.expired.Store(true)
			peer.waiter.wake()
		})
	}
}

func (c *Call) finish(reply Reply, err error) {
	c.finished, c.reply, c.err = true, reply, err
	if c.unwatch != nil {
		c.unwatch()
	}
}

// calls are all that are under way.
type calls struct {
	peer    *Peer
	count   uint32
	open    map[uint32]*Call
	ready   []*Call     // whose functions are due
	expired atomic.Bool // the context of one of them, perhaps
	news    bool        // of a restart
}

func (c *calls) init(peer *Peer) { c.peer, c.open = peer, map[uint32]*Call{} }

func (c *calls) next() uint32 {
	for {
		c.count = (c.count + 1) & asksOfALife
		correlation := c.peer.life() | c.count
		if _, taken := c.open[correlation]; c.count != 0 && !taken {
			return correlation
		}
	}
}

func (c *calls) begin(ctx context.Context, correlation uint32) *Call {
	call := &Call{peer: c.peer, correlation: correlation, ctx: ctx}
	c.open[correlation] = call
	return call
}

func (c *calls) forget(call *Call) { delete(c.open, call.correlation) }

// answered takes a frame that answers. One that answers nothing that is known came too late.
func (c *calls) answered(frame ring.Frame) {
	call := c.open[frame.Correlation]
	if call == nil {
		return
	}
	if frame.Kind == ring.Reply {
		c.end(call, Reply{Type: frame.Type, Payload: append([]byte(nil), frame.Payload...)}, nil)
	} else {
		c.end(call, Reply{}, &DeclinedError{Reason(frame.Type)})
	}
}

func (c *calls) end(call *Call, reply Reply, err error) {
	c.forget(call)
	call.finish(reply, err)
	if call.then != nil {
		c.ready = append(c.ready, call)
	}
}

// areDue tells whether finish has something to do.
func (c *calls) areDue() bool { return len(c.ready) > 0 || c.expired.Load() || c.news }

// finish calls the functions that are due. They may use the peer.
func (c *calls) finish() error {
	if c.news {
		if err := c.peer.tellNews(); err != nil {
			return err
		}
	}
	if c.expired.Load() {
		c.expired.Store(false)
		for _, call := range c.open {
			if call.then != nil && isDone(call.ctx.Done()) {
				c.end(call, Reply{}, context.Cause(call.ctx))
			}
		}
	}
	for len(c.ready) > 0 {
		call := c.ready[0]
		c.ready = c.ready[1:]
		if err := c.peer.callBack(func() error { return call.then(call.reply, call.err) }); err != nil {
			return err
		}
	}
	return nil
}

// callBack has the user's function use the peer meanwhile.
func (p *Peer) callBack(function func() error) error {
	p.leave()
	err := function()
	p.enter()
	if err != nil {
		return &answerError{err}
	}
	return nil
}

// answerError came from a function that was given to Then.
type answerError struct{ error }

func (e *answerError) Unwrap() error { return e.error }

// stop ends those that wait for nothing any more.
func (c *calls) stop() error {
	for _, call := range c.open {
		c.end(call, Reply{}, ErrStopped)
	}
	if err := c.finish(); err != nil {
		return err
	}
	return ErrStopped
}
