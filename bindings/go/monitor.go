package ringmail

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"ringmail.dev/ringmail/internal/ring"
)

// mostMonitors of a peer: the host would end the link over more.
const mostMonitors = 1024

// The types of a signal that a peer sends and is sent.
const (
	signalMonitor     = 2
	signalDemonitor   = 3
	signalDown        = 4
	signalAcknowledge = 8
)

// ExitKind is why an actor has ended. Others than these may come, and are failures.
type ExitKind uint32

const (
	ExitNormal      ExitKind = 0 // it was asked to stop, or stopped itself
	ExitFailed      ExitKind = 1 // a handler of it threw
	ExitUnreachable ExitKind = 7 // there is no such actor, or not any more
	ExitLinked      ExitKind = 8 // it was linked to one that failed
	ExitEscalated   ExitKind = 9 // a supervisor that gave up a child
)

// Down says that the actor of a mailbox has ended: for good, or until its supervisor starts it anew, which is then to
// be monitored anew.
type Down struct {
	Mailbox Mailbox
	Kind    ExitKind
	Reason  string // in one line
}

// Monitor waits for the end of an actor.
type Monitor struct {
	mailbox Mailbox
	number  uint64
}

// Monitor has Run or Receive call a function once, when the actor of the mailbox has ended: behind all that it sent to
// this peer before, and at once if it has ended already. An error that the function returns is treated like that of a
// handler. The request joins a batch, and waits for room, as Send does.
func (b Mailbox) Monitor(ctx context.Context, function func(Down) error) (Monitor, error) {
	p := b.peer
	if p == nil {
		return Monitor{}, ErrNotFound
	}
	p.enter()
	defer p.leave()
	if err := b.reach(ctx, true); err != nil {
		return Monitor{}, err
	}
	if p.accepted != nil || p.lanes[b.laneIndex()].meeting != nil {
		return Monitor{}, fmt.Errorf("%w: there are no monitors between two peers", ErrUnsupported)
	}
	if !p.hasMonitors {
		return Monitor{}, ErrUnsupported
	}
	if len(p.monitors) == mostMonitors {
		return Monitor{}, misuse("a peer has %d monitors at most", mostMonitors)
	}
	for {
		// No number of an earlier incarnation, whose downs may come yet.
		incarnation := p.said.Load().incarnation
		p.monitor++
		monitor := Monitor{b, incarnation<<32 | uint64(p.monitor)}
		if err := monitor.open(ctx, signalMonitor); err != nil {
			return Monitor{}, err
		}
		if p.said.Load().incarnation != incarnation {
			p.cancel()
			continue
		}
		p.monitors[monitor.number] = monitored{b.id, function}
		return monitor, p.publish()
	}
}

// monitored is the mailbox of a monitor, and who is told.
type monitored struct {
	mailbox uint64
	told    func(Down) error
}

// Stop ends the monitor: its function will not be called, even if the actor has ended. The error is ErrNotFound if it
// is over already.
func (m Monitor) Stop(ctx context.Context) error {
	p := m.mailbox.peer
	if p == nil {
		return ErrNotFound
	}
	p.enter()
	defer p.leave()
	if !p.isMonitored(m.number) {
		return ErrNotFound
	}
	if err := m.open(ctx, signalDemonitor); err != nil {
		return err
	}
	if !p.isMonitored(m.number) { // it was the host's before
		p.cancel()
		return ErrNotFound
	}
	delete(p.monitors, m.number)
	return p.publish()
}

func (p *Peer) isMonitored(number uint64) bool { return p.monitors[number].told != nil }

func (m Monitor) open(ctx context.Context, signal uint32) error {
	_, err := m.mailbox.openEntered(ctx, true, 0, ring.Head{Kind: ring.Signal, Type: signal, Sender: m.number})
	return err
}

// takeDown calls the function of the monitor that the frame which was peeked is about. It may use the peer.
func (p *Peer) takeDown(lane *lane) error {
	frame := &p.inHand.frame
	if frame.Type != signalDown {
		return p.faulted(lane, "a system frame came as mail")
	}
	kind, reason, ok := exitReason(frame.Payload)
	if !ok {
		return p.faulted(lane, "an exit reason came that is none")
	}
	function := p.monitors[frame.Target].told
	delete(p.monitors, frame.Target)
	p.inHand.begin(lane)
	if function != nil { // else of a monitor that was stopped, or of an earlier incarnation
		down := Down{Mailbox{p, frame.Sender}, kind, reason}
		if err := p.callBack(func() error { return function(down) }); err != nil {
			return err
		}
	}
	p.release()
	return nil
}

// exitReason reads u32 kind, i32 code, i32 signal, u32 length, and so much text.
func exitReason(payload []byte) (ExitKind, string, bool) {
	const headBytes = 16
	if len(payload) < headBytes {
		return 0, "", false
	}
	length := binary.LittleEndian.Uint32(payload[12:])
	if uint64(length) > uint64(len(payload)-headBytes) {
		return 0, "", false
	}
	text := strings.ToValidUTF8(string(payload[headBytes:headBytes+length]), "?")
	return ExitKind(binary.LittleEndian.Uint32(payload)), text, true
}
