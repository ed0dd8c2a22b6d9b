package ringmail

import (
	"container/list"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

const (
	mostHalfOpen       = 64
	defaultRingBytes   = 1 << 20
	listenControlBytes = 1 << 16
)

// Listener lets other processes attach to this one, in whatever language, without a system.
//
// A peer with a name is one at a time: its successor is let in when it has ended, and finds the mail that it had not finished. All
// methods may be called by any goroutine; each peer that is given out belongs to one at a time, as any.
type Listener struct {
	name, schema string
	ringBytes    uint64
	logf         func(string, ...any)

	socket *link.Listener
	left   *leftMail
	ready  chan *Peer
	closed chan struct{}
	ending sync.Once

	mutex    sync.Mutex
	halfOpen list.List // of *halfOpen, the newest last
}

// Listen listens at options.Path, in a directory of mode 0700 that is made if it is not there, as options.Name. The schema, the ring
// size and Logf are for each peer that attaches.
func Listen(options Options) (*Listener, error) {
	l := &Listener{name: options.Name, schema: options.Schema, ringBytes: options.RingBytes, logf: options.logf(),
		left: newLeftMail(), ready: make(chan *Peer), closed: make(chan struct{})}
	if l.ringBytes == 0 {
		l.ringBytes = defaultRingBytes
	}
	if options.Path == "" {
		return nil, misuse("no path to listen at")
	}
	if err := link.CheckListener(l.name, l.schema); err != nil {
		return nil, misuse("%v", err)
	}
	if !ring.IsRingSize(l.ringBytes) {
		return nil, misuse("a ring of %d bytes: it must be a power of two from %d to %d",
			l.ringBytes, ring.MinRingBytes, ring.MaxRingBytes)
	}
	var err error
	if l.socket, err = link.Listen(options.Path); err != nil {
		return nil, err
	}
	go l.takeConnections()
	return l, nil
}

// Name that those who attach can look up.
func (l *Listener) Name() string { return l.name }

// Accept is the next peer that has attached. It should be closed when it has ended: that gives its memory back.
func (l *Listener) Accept(ctx context.Context) (*Peer, error) {
	select {
	case peer := <-l.ready:
		return peer, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Close lets nobody in any more, and removes the socket. Peers that were given out stay; mail that waits is lost.
func (l *Listener) Close() error {
	err := net.ErrClosed
	l.ending.Do(func() {
		close(l.closed)
		err = l.socket.Close()
		l.mutex.Lock()
		defer l.mutex.Unlock()
		for each := l.halfOpen.Front(); each != nil; each = each.Next() {
			each.Value.(*halfOpen).endBy(net.ErrClosed)
		}
	})
	return err
}

// ListenerCounters of mail that no peer has: sent = finished + waiting + given up, over all peers that have ended.
type ListenerCounters struct {
	Waiting uint64 // for the next peers of their names
	GivenUp uint64
}

// Counters as they are now.
func (l *Listener) Counters() ListenerCounters { return l.left.count() }

func (l *Listener) takeConnections() {
	for {
		socket, err := l.socket.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			l.logf("ringmail: cannot accept a connection: %v", err)
			select {
			case <-time.After(100 * time.Millisecond): // descriptors may come back
				continue
			case <-l.closed:
				return
			}
		}
		process, err := link.ProcessOf(socket)
		if err != nil || process.UID != uint32(os.Geteuid()) {
			process.Close()
			_ = socket.Close()
			continue
		}
		h := &halfOpen{stream: link.NewStream(socket), process: process,
			limit: time.Now().Add(link.HandshakeTime), over: make(chan struct{})}
		_ = h.stream.SetReadDeadline(h.limit) // before anybody can interrupt it
		go l.let(h, l.begin(h))
	}
}

// begin makes room for one more handshake.
func (l *Listener) begin(h *halfOpen) *list.Element {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.halfOpen.Len() >= mostHalfOpen {
		oldest := l.halfOpen.Front()
		l.halfOpen.Remove(oldest)
		oldest.Value.(*halfOpen).endBy(&RefusedError{Code: link.Busy, Text: "too many processes have not said hello yet"})
	}
	return l.halfOpen.PushBack(h)
}

// let is the life of a handshake.
func (l *Listener) let(h *halfOpen, place *list.Element) {
	hello, made, err := l.shakeHands(h)
	l.mutex.Lock()
	l.halfOpen.Remove(place) // from here on nobody interrupts it
	l.mutex.Unlock()
	if err == nil {
		err = h.settle()
	}
	if err != nil {
		if made != nil {
			made.memory.Unmap()
			l.left.end(hello.Name, made.mail)
		}
		h.process.Close()
		h.refuse(err)
		return
	}
	peer := newAcceptedPeer(made, h.stream, hello)
	peer.logf = l.logf
	select {
	case l.ready <- peer:
	case <-l.closed:
		_ = peer.Close()
	}
}
