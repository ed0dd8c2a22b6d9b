package ringmail

import (
	"context"
	"errors"
	"testing"

	"ringmail.dev/ringmail/internal/conformance"
	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

// benchLink is a peer and its host's lane, both of this goroutine: what a message costs but for what crosses between processors.
func benchLink() (*Peer, *ring.Lane) {
	layout := ring.Layout{Lanes: 1, MailToPeerBytes: 1 << 16, MailToHostBytes: 1 << 16, ControlBytes: 1 << 16}
	memory := func(bytes uint64) ring.Memory { return ring.MemoryOf(make([]byte, bytes)) }
	segments := ring.Segments{
		Mail: memory(layout.MailBytes()), Host: memory(layout.HostBytes()), Peer: memory(layout.PeerBytes()),
		HostBells: memory(layout.HostBellsBytes()), PeerBells: memory(ring.BellBytes),
	}
	hosted := newHostLink(link.Joined{Welcome: link.Welcome{Layout: layout}, Mapped: link.Mapped{Segments: segments}}, nil)
	peer := newPeer(hosted.parker)
	peer.begin(hosted)
	return peer, layout.HostLane(segments, 0, ring.NewDoorbell(segments.PeerBells))
}

const benchBatch = 64

// runThrough has the peer run until so many pings, sent in batches, have been handled.
func runThrough(peer *Peer, lane *ring.Lane, handle func(*Message) error, pings int) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	errDone := errors.New("all have come")
	ping := make([]byte, conformance.PingSize)
	handled := 0
	send := func() {
		for i := 0; i < min(benchBatch, pings-handled); i++ {
			put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: conformance.PingType}, ping)
		}
		lane.Publish()
	}
	send()
	err := peer.Run(ctx, func(m *Message) error {
		if handled++; handled == pings {
			cancel(errDone)
		} else if handled%benchBatch == 0 {
			send()
		}
		return handle(m)
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

func BenchmarkReceive(b *testing.B) {
	peer, lane := benchLink()
	b.ReportAllocs()
	if err := runThrough(peer, lane, conformance.HandlePeer(silent{to: Mailbox{peer, 5}}), b.N); err != nil {
		b.Fatal(err)
	}
}

func TestRunAllocatesNothingForAMessage(t *testing.T) {
	peer, lane := benchLink()
	handle := conformance.HandlePeer(silent{to: Mailbox{peer, 5}})
	allocations := func(pings int) float64 {
		return testing.AllocsPerRun(20, func() {
			if err := runThrough(peer, lane, handle, pings); err != nil {
				t.Fatal(err)
			}
		})
	}
	if one, many := allocations(1), allocations(1000); one != many {
		t.Errorf("%v allocations for one message, %v for 1000", one, many)
	}
}

func BenchmarkSend(b *testing.B) {
	peer, lane := benchLink()
	ctx := context.Background()
	to := Mailbox{peer, 5}
	ping := &conformance.Ping{}
	b.ReportAllocs()
	for sent := 0; sent < b.N; sent += benchBatch {
		for i := 0; i < benchBatch; i++ {
			if err := to.Send(ctx, ping); err != nil {
				b.Fatal(err)
			}
		}
		if err := peer.Flush(); err != nil {
			b.Fatal(err)
		}
		for i := 0; i < benchBatch; i++ {
			if _, ok := lane.MailIn.Peek(); !ok {
				b.Fatal(lane.Fault())
			}
			lane.MailIn.Advance()
		}
		lane.StoreCursors()
	}
}

func BenchmarkAnswer(b *testing.B) {
	peer, lane := benchLink()
	ctx := context.Background()
	handle := conformance.HandlePeer(silent{to: Mailbox{peer, 5}})
	b.ReportAllocs()
	for sent := 0; sent < b.N; sent++ {
		put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: conformance.GetType, Correlation: 1}, nil)
		lane.Publish()
		m, err := peer.Receive(ctx)
		if err == nil {
			err = handle(m)
		}
		if err == nil {
			err = peer.finish(m)
		}
		if err != nil {
			b.Fatal(err)
		}
		if _, ok := lane.ControlIn.Peek(); !ok {
			b.Fatal(lane.Fault())
		}
		lane.ControlIn.Advance()
		lane.StoreCursors()
	}
}
