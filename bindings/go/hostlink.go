package ringmail

import (
	"context"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

// hostLink is a link to a host, in one life of that, before a peer has it.
type hostLink struct {
	welcome  link.Welcome
	outlive  *link.Outlive // nil: the peer is not to outlive this host
	control  *control
	host     *host
	arrivals *arrivals
	memory   *memory
	lanes    []*lane
	parker   *ring.Parker
}

// join finds the host and shakes hands.
func (o *Options) join(ctx context.Context) (*hostLink, error) {
	stream, err := o.openStream(ctx)
	if err != nil {
		return nil, err
	}
	given, err := o.shakeHands(ctx, stream)
	if err == nil {
		err = stream.Send(link.KindReady, nil)
	}
	if err != nil {
		given.Unmap()
		_ = stream.Close()
		return nil, err
	}
	return newHostLink(given, stream), nil
}

func newHostLink(given link.Joined, stream *link.Stream) *hostLink {
	j := &hostLink{welcome: given.Welcome, outlive: given.Outlive, memory: newMemory(given.Unmap),
		parker: ring.NewParker(given.PeerBells, given.Doorbell)}
	j.arrivals = &arrivals{memory: j.memory, first: given.Layout.Lanes}
	j.control = newControl(stream)
	j.host = newHost(j.control, j.arrivals, given.Features&link.Introductions != 0)
	for i := uint32(0); i < given.Layout.Lanes; i++ {
		index := i
		var ringLane func()
		if given.Features&link.StreamDoorbell != 0 {
			ringLane = func() { j.host.ringLane(index) }
		}
		rings := given.Layout.PeerLane(given.Mapped.Segments, index, ringLane)
		j.lanes = append(j.lanes, &lane{Lane: *rings, index: index, memory: j.memory})
	}
	return j
}

// begin has the peer use that link from now on; its control stream is to be listened to.
func (p *Peer) begin(j *hostLink) {
	features := j.welcome.Features
	p.control, p.host, p.arrivals, p.memory, p.lanes = j.control, j.host, j.arrivals, j.memory, j.lanes
	p.hasMonitors, p.acknowledges = features&link.Monitors != 0, features&link.ExactlyOnce != 0
	p.said.Store(&said{name: j.welcome.Name, schema: j.welcome.Schema, incarnation: j.welcome.Incarnation, host: j.host,
		hasLog: features&link.Log != 0})
	p.control.wake = p.waiter.wake
	if p.back != nil {
		limit := p.back.time
		p.control.ended = func() { p.back.hostHasEnded(p, j.host, limit) }
	}
}
