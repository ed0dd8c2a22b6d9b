package ringmail

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

// Between two tries to join the next host.
const (
	shortestPause = 2 * time.Millisecond
	longestPause  = 200 * time.Millisecond
)

var (
	// errCameBack: lanes are other ones now.
	errCameBack = errors.New("there is another host now")
	// errHeldBack: what is in hand would be lost, and what waits behind it.
	errHeldBack = errors.New("there is no host now, and the message in hand keeps this peer from the next one")
)

// wayBack is that of a peer that outlives its host: it finishes with the host that is dead, and joins the next one as the next
// incarnation of itself.
type wayBack struct {
	turn    turn
	options Options       // of the hello there
	time    time.Duration // for which the next host is looked for
	isKept  bool          // what is unfinished is kept for that one

	over       chan struct{} // closed when there will be no other host
	ending     sync.Once
	why        error       // then
	isStopping atomic.Bool // the host said stop: its end is one

	// While the peer is lost.
	lostAt  time.Time
	nextTry time.Time
	pause   time.Duration
	hasLeft bool    // the rings of the host
	left    *memory // then

	leftLane *lane   // on which the message in hand lay when the peer left; nil: there was none
	takenUp  *lane   // on which it lies with the next host
	pinned   *memory // in which its payload lies

	news news
}

// news is what the user is told of a restart.
type news struct {
	isRestart bool
	unread    uint64
	downs     []untoldDown
}

type untoldDown struct {
	down Down
	told func(Down) error
}

func newWayBack(options Options) *wayBack {
	b := &wayBack{options: options, time: options.Reconnect, over: make(chan struct{})}
	b.options.Socket, b.options.Timeout = nil, link.HandshakeTime
	return b
}

// learn is called after each handshake, before the peer begins with the host: for how long the next one is looked for, and where.
func (b *wayBack) learn(j *hostLink) {
	b.isKept = j.outlive != nil
	if b.isKept {
		b.options.Path, b.options.Token, b.options.Name = j.outlive.Path, j.outlive.Token, j.welcome.Name
		b.time = j.outlive.Time
	}
}

// OnRestart has Run or Receive call a function when the host has died and the peer has joined the next one, before it gets anything that
// this one has sent. What was asked before has no answer any more, and monitors are over. Unread is how many of this peer's messages
// neither the host that died nor the next one gets: 0, unless nobody kept them. An error that the function returns is treated like that of
// a handler.
func (p *Peer) OnRestart(function func(unread uint64) error) {
	p.enter()
	defer p.leave()
	p.onRestart = function
}

// hostHasEnded is called by the goroutine that reads the stream: the peer's own may be in a handler for long.
func (b *wayBack) hostHasEnded(p *Peer, host *host, limit time.Duration) {
	if b.isStopping.Load() {
		b.end(ErrHostGone)
		return
	}
	time.AfterFunc(limit, func() {
		if p.said.Load().host == host {
			b.end(nobodyCame(limit))
		}
	})
}

func nobodyCame(limit time.Duration) error {
	return fmt.Errorf("%w, and no other has come within %v", ErrHostGone, limit)
}

func (b *wayBack) end(why error) {
	b.ending.Do(func() {
		b.why = why
		close(b.over)
	})
}

// ended is why there will be no other host, if that is so.
func (b *wayBack) ended() error {
	if isDone(b.over) {
		return b.why
	}
	return nil
}

// loseHost is called when the stream has ended. What the host has published can still be received. False: the peer ends with it.
func (p *Peer) loseHost() bool {
	b := p.back
	if b == nil || p.closed {
		return false
	}
	if p.lost {
		return true
	}
	for _, lane := range p.lanes {
		if lane.Stopping() {
			b.end(ErrHostGone)
			return false
		}
	}
	p.lost = true
	b.hasLeft = false
	b.lostAt, b.pause = time.Now(), shortestPause
	b.nextTry = b.lostAt
	p.control.closed.Do(func() { _ = p.control.stream.Close() })
	return true
}

func (p *Peer) giveUp(why error) error {
	p.lost, p.closed = false, true
	p.back.end(why)
	return p.back.ended()
}

// mayGo is false while what is in hand would be lost.
func (p *Peer) mayGo() bool { return !p.loan.open && (p.back.isKept || !p.inHand.held) }

// comeBack waits for the next host, or for what can be found without.
func (p *Peer) comeBack(ctx context.Context, found func() bool) error {
	b := p.back
	for {
		if back, err := p.tryToComeBack(ctx); back || err != nil {
			return err
		}
		switch {
		case !p.mayGo():
			return errHeldBack
		case found():
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		until := b.nextTry
		if limit := b.lostAt.Add(b.time); limit.Before(until) {
			until = limit
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-p.waiter.nudged:
		}
		timer.Stop()
	}
}

// findHost is for who wants to send while there is none.
func (p *Peer) findHost(ctx context.Context, mayWait bool) error {
	never := func() bool { return !mayWait }
	err := p.comeBack(ctx, never)
	switch {
	case err != nil:
		return noHost(err)
	case p.lost:
		return fmt.Errorf("%w: there is no host now", ErrFull)
	}
	return nil
}

// noHost is why nothing can be sent, from why no host was found.
func noHost(err error) error {
	switch {
	case errors.Is(err, ErrHostGone):
		return err
	case err == errHeldBack:
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("%w: there is no host now: %w", ErrFull, err)
}

// tryToComeBack is one try, if it is time for one. True: there is another host.
func (p *Peer) tryToComeBack(ctx context.Context) (bool, error) {
	b := p.back
	now := time.Now()
	switch {
	case b.ended() != nil || now.Sub(b.lostAt) >= b.time:
		return false, p.giveUp(nobodyCame(b.time))
	case now.Before(b.nextTry) || !p.mayGo() || ctx.Err() != nil:
		return false, nil
	}
	b.nextTry = now.Add(b.pause)
	b.pause = min(2*b.pause, longestPause)
	if !b.hasLeft {
		// Before the next host hears of this peer: from then on it may take over what lies there.
		b.hasLeft = true
		p.leaveHost()
	}
	next, err := b.options.join(ctx)
	switch {
	case err == nil:
		p.comeTo(next)
		return true, nil
	case isFinal(err):
		return false, p.giveUp(fmt.Errorf("%w, and the next one takes this peer not back: %w", ErrHostGone, err))
	}
	return false, nil
}

// isFinal tells whether the next host may not think otherwise.
func isFinal(err error) bool {
	var malformed *link.MalformedError
	var refused *RefusedError
	return errors.As(err, &malformed) || (errors.As(err, &refused) && !refused.ByPeer && !refused.Code.IsForNow())
}

// leaveHost touches the old rings for the last time. The message in hand can still be read.
func (p *Peer) leaveHost() {
	b := p.back
	p.batch = batch{}
	p.flush()
	b.leftLane = nil
	for _, lane := range p.lanes {
		lane.StoreCursors()
		if !b.isKept && lane.meeting == nil {
			b.news.unread += lane.MailOut.Unfinished().Messages
		}
		if p.inHand.held && (p.inHand.lane == lane || b.takenUp == lane) {
			b.leftLane = lane
		}
		p.sentBefore += lane.MailOut.Published()
		lane.isLeft = true
	}
	if p.inHand.held && b.pinned == nil {
		b.pinned = p.memory
		b.pinned.use()
	}
	b.left, b.takenUp = p.memory, nil
	p.lanes, p.nextLane, p.dirty = nil, 0, false
}

// comeTo begins with the next host.
func (p *Peer) comeTo(next *hostLink) {
	b, last := p.back, p.host
	b.learn(next)
	p.waiter.sleepBy(next.parker)
	p.begin(next)
	go p.control.listen()
	p.lost = false
	p.takeUpInHand()
	b.left.done()
	b.left = nil
	close(last.replaced)

	p.calls.news, b.news.isRestart = true, true
	for _, call := range p.calls.open {
		p.calls.end(call, Reply{}, ErrHostRestarted)
	}
	for _, monitor := range p.monitors {
		down := Down{Mailbox{p, monitor.mailbox}, ExitUnreachable, "unreachable: its host was restarted"}
		b.news.downs = append(b.news.downs, untoldDown{down, monitor.told})
	}
	p.monitors = map[uint64]monitored{}
}

// takeUpInHand finds what was in hand when the peer left in the new ring as well, if the host knew of it: there it is finished.
func (p *Peer) takeUpInHand() {
	b := p.back
	if b.leftLane == nil || b.leftLane.index >= uint32(len(p.lanes)) {
		return
	}
	lane := p.lanes[b.leftLane.index]
	var frame ring.Frame
	if !lane.MailIn.IsStillInHand() || !lane.MailIn.PeekInto(&frame) {
		return
	}
	if p.inHand.held {
		lane.MailIn.Begin()
		b.takenUp = lane
	} else {
		lane.MailIn.Advance()
		lane.StoreCursors()
	}
}

// releaseLeft is release, of what was in hand when a host was left. It gives the lane on which it is to be finished; nil: there is none,
// or not yet.
func (p *Peer) releaseLeft() *lane {
	b := p.back
	b.pinned.done()
	b.pinned = nil
	lane := b.takenUp
	b.takenUp = nil
	if lane == nil {
		p.inHand.held = false
		p.received++
		p.flush()
	}
	return lane
}

// tellNews calls the functions that wait for a restart, or watch what has died with a host.
func (p *Peer) tellNews() error {
	news := &p.back.news
	for news.isRestart || len(news.downs) > 0 {
		var told func() error
		if news.isRestart {
			unread := news.unread
			news.isRestart, news.unread = false, 0
			if p.onRestart == nil {
				continue
			}
			function := p.onRestart
			told = func() error { return function(unread) }
		} else {
			untold := news.downs[0]
			news.downs = news.downs[1:]
			told = func() error { return untold.told(untold.down) }
		}
		if err := p.callBack(told); err != nil {
			return err
		}
	}
	p.calls.news = false
	return nil
}

// waitForNext waits until another host than the last has been joined. Where the peer's goroutine does not wait for it, being in a
// handler perhaps, or the one that calls this, it is joined in here.
func (p *Peer) waitForNext(ctx context.Context, last *host) error {
	for b := p.back; p.said.Load().host == last; {
		pause := longestPause
		if b.turn.tryLookup() {
			err := p.comeBackToLookUp(ctx, last)
			pause = time.Until(b.nextTry)
			b.turn.endLookup()
			if err != nil {
				return err
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-last.replaced:
		case <-b.over:
		case <-ctx.Done():
		}
		timer.Stop()
		if err := b.ended(); err != nil {
			return err
		}
		if ctx.Err() != nil && p.said.Load().host == last {
			return context.Cause(ctx)
		}
	}
	return nil
}

func (p *Peer) comeBackToLookUp(ctx context.Context, last *host) error {
	switch {
	case p.host != last:
		return nil
	case p.closed:
		return p.closedError()
	case !p.loseHost():
		return p.goneError()
	}
	back, err := p.tryToComeBack(ctx)
	if err == nil && !back && p.inHand.held && !p.back.isKept {
		return fmt.Errorf("%w: %w", ErrHostGone, errHeldBack)
	}
	return err
}
