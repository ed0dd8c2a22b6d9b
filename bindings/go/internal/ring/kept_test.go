package ring

import "testing"

// nextLife is a consumer of the same mail with a block of its own, and the producer that goes on towards it.
func nextLife(t *testing.T, link *testLink, producer *Producer) (*Lane, *Lane) {
	t.Helper()
	left := producer.Unfinished()
	link.segments.Peer, link.segments.Host = heap(link.layout.PeerBytes()), heap(link.layout.HostBytes())
	producer.WriteResume(link.segments.Peer, left, 1)
	host := link.host()
	host.MailOut.TakeOver(producer)
	return host, link.peer()
}

func TestMailOutlivesItsPeer(t *testing.T) {
	link := newTestLink(4096)
	host, peer := link.host(), link.peer()
	next := byte(0)
	for life := 0; life < 100; life++ {
		for i := 0; i < 20; i++ {
			if host.MailOut.TryLoan(1) == nil {
				break
			}
			host.MailOut.Cancel()
			send(t, &host.MailOut, string([]byte{next}))
			next++
		}
		host.MailOut.Publish()
		for i := 0; i < 19; i++ { // the last one is not finished
			frame, ok := peer.MailIn.Peek()
			if !ok {
				t.Fatal(life, i, peer.Fault())
			}
			peer.MailIn.Begin()
			if i < 18 {
				peer.MailIn.Advance()
			} else if host.MailOut.Unfinished().Messages == 0 || frame.Payload[0] == next {
				t.Fatalf("life %d: %d", life, frame.Payload[0])
			}
		}
		peer.StoreCursors()
		left := host.MailOut.Unfinished()
		if want := peer.MailIn.Position(); left.Cursor != want || host.MailOut.InHand() != want {
			t.Fatalf("%+v, and the cursor is %d", left, want)
		}
		host, peer = nextLife(t, link, &host.MailOut)
		frame, ok := peer.MailIn.Peek()
		if !ok || !peer.MailIn.Redelivers() || peer.MailIn.Attempt() != 1 {
			t.Fatalf("life %d: %+v %v", life, frame, peer.Fault())
		}
	}
}

func TestACursorThatNoFrameStartsAtDoesNotCount(t *testing.T) {
	link := newTestLink(4096)
	host, peer := link.host(), link.peer()
	for _, text := range []string{"a", "b", string(make([]byte, 200)), "d"} {
		send(t, &host.MailOut, text)
	}
	host.MailOut.Publish()
	peer.MailIn.Peek()
	peer.MailIn.Advance()
	peer.StoreCursors()
	if left := host.MailOut.Unfinished(); left.Messages != 3 || left.Cursor != 64 {
		t.Errorf("%+v", left)
	}
	for _, cursor := range []uint64{192, 8, 1 << 40, 0} {
		link.segments.Peer.store64(cursorOffset, cursor)
		host.MailOut.fault = NoFault
		if left := host.MailOut.Unfinished(); left.Messages != 3 || left.Cursor != 64 || host.MailOut.Fault() == NoFault {
			t.Errorf("%d: %+v %v", cursor, left, host.MailOut.Fault())
		}
	}
	if host, peer = nextLife(t, link, &host.MailOut); host.Fault() != NoFault {
		t.Error("a fault is inherited")
	}
	expect(t, peer, "b", true, 1)
}
