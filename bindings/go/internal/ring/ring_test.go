package ring

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand"
	"strings"
	"testing"
	"time"
)

// testLink is both ends of a link of one lane on the heap, where the race detector looks.
type testLink struct {
	layout   Layout
	segments Segments
}

func newTestLink(ringBytes uint64) *testLink {
	layout := Layout{Lanes: 1, MailToPeerBytes: ringBytes, MailToHostBytes: ringBytes, ControlBytes: MinRingBytes}
	memory := heap
	return &testLink{layout, Segments{
		Mail:       memory(layout.MailBytes()),
		Host:       memory(layout.HostBytes()),
		Peer:       memory(layout.PeerBytes()),
		HostBells:  memory(layout.HostBellsBytes()),
		HostParked: memory(layout.HostParkedBytes()),
		PeerBells:  memory(BellBytes),
	}}
}

func (l *testLink) peer() *Lane { return l.layout.PeerLane(l.segments, 0, nil) }
func (l *testLink) host() *Lane {
	return l.layout.HostLane(l.segments, 0, NewDoorbell(l.segments.PeerBells))
}

func send(t *testing.T, p *Producer, payload string) {
	t.Helper()
	room := p.TryLoan(uint32(len(payload)))
	if room == nil {
		t.Fatal("no room")
	}
	copy(room, payload)
	p.Commit(Head{Kind: Message, Type: 1})
}

func TestTheFirstFrameHasTheBytesOfTheSpecification(t *testing.T) {
	link := newTestLink(4096)
	host := link.host()
	copy(host.MailOut.TryLoan(5), "hello")
	host.MailOut.Commit(Head{Kind: Message, Type: 0x11223344, Correlation: 9, Target: 0x0010000000000001, Sender: 2})
	host.MailOut.Publish()
	const want = "0500000002000000443322110900000001000000000010000200000000000000" + "68656c6c6f"
	data := link.segments.Mail.bytes(PageBytes, 72)
	if got := hex.EncodeToString(data[:37]); got != want {
		t.Errorf("the frame is\n%s, not\n%s", got, want)
	}
	if binary.LittleEndian.Uint64(data[64:]) != 0 {
		t.Error("there is no terminator")
	}
	frame, ok := link.peer().MailIn.Peek()
	if !ok || string(frame.Payload) != "hello" || frame.Type != 0x11223344 || frame.Correlation != 9 ||
		frame.Target != 0x0010000000000001 || frame.Sender != 2 || cap(frame.Payload) != 5 {
		t.Errorf("read back: %+v", frame)
	}
}

func TestABatchIsSeenAsAWholeOrNotAtAll(t *testing.T) {
	link := newTestLink(4096)
	host, peer := link.host(), link.peer()
	for _, text := range []string{"a", "b", "c"} {
		send(t, &host.MailOut, text)
		if !peer.MailIn.Empty() {
			t.Fatal("a frame is seen before it is published")
		}
	}
	host.MailOut.Publish()
	for _, text := range []string{"a", "b", "c"} {
		frame, ok := peer.MailIn.Peek()
		if !ok || string(frame.Payload) != text {
			t.Fatalf("%q was due, and %q came", text, frame.Payload)
		}
		peer.MailIn.Advance()
	}
	if !peer.MailIn.Empty() || host.MailOut.Publish() {
		t.Error("there is more than was sent")
	}
}

func TestAFullRingTakesMoreOnceTheCursorIsStored(t *testing.T) {
	link := newTestLink(4096)
	host, peer := link.host(), link.peer()
	sent := 0
	for ; host.MailOut.TryLoan(100) != nil; sent++ {
		host.MailOut.Commit(Head{Kind: Message})
	}
	if sent != (4096-64)/192 {
		t.Errorf("%d frames of 192 bytes fit", sent)
	}
	host.MailOut.Publish()
	host.MailOut.WantRoom(true)
	for i := 0; i < 2; i++ { // one would not do: the next frame has padding in front
		peer.MailIn.Peek()
		peer.MailIn.Advance()
	}
	if host.MailOut.TryLoan(100) != nil {
		t.Error("there is room before the cursor is stored")
	}
	if !peer.MailIn.StoreCursor() {
		t.Error("nobody is told that the producer wants room")
	}
	if host.MailOut.TryLoan(100) == nil {
		t.Error("there is no room after the cursor is stored")
	}
}

func TestHalfARingFitsWhereverTheTailIs(t *testing.T) {
	link := newTestLink(4096)
	host, peer := link.host(), link.peer()
	for i := 0; i < 200; i++ {
		for _, length := range []uint64{host.MailOut.MaxPayload(), uint64(i % 90)} {
			room := host.MailOut.TryLoan(uint32(length))
			if room == nil {
				t.Fatalf("round %d: no room for %d bytes in an empty ring", i, length)
			}
			host.MailOut.Commit(Head{Kind: Message})
			host.MailOut.Publish()
			frame, ok := peer.MailIn.Peek()
			if !ok || uint64(len(frame.Payload)) != length {
				t.Fatalf("round %d: %v %v", i, ok, peer.MailIn.Fault())
			}
			peer.MailIn.Advance()
			peer.MailIn.StoreCursor()
		}
	}
}

func TestACancelledLoanLeavesNothing(t *testing.T) {
	link := newTestLink(4096)
	host, peer := link.host(), link.peer()
	send(t, &host.MailOut, "a")
	host.MailOut.Publish()
	room := host.MailOut.TryLoan(700)
	for i := range room {
		room[i] = 0xff
	}
	host.MailOut.Cancel()
	send(t, &host.MailOut, "b")
	host.MailOut.Publish()
	for _, text := range []string{"a", "b"} {
		frame, _ := peer.MailIn.Peek()
		if string(frame.Payload) != text {
			t.Fatalf("%q was due", text)
		}
		peer.MailIn.Advance()
	}
	if !peer.MailIn.Empty() {
		t.Error("the bytes of the loan are seen")
	}
}

// Both ends in goroutines of their own, with sizes at random; the race detector looks at every byte.
func TestWhatIsWrittenIsWhatIsRead(t *testing.T) {
	for _, ringBytes := range []uint64{4096, 16384} {
		link := newTestLink(ringBytes)
		host, peer := link.host(), link.peer()
		const count = 20000
		go func() {
			random := rand.New(rand.NewSource(1))
			for i := 0; i < count; {
				for batch := random.Intn(8); batch >= 0 && i < count; batch-- {
					length := 8 + random.Intn(300)
					if random.Intn(50) == 0 {
						length = 8 + random.Intn(int(ringBytes)/2-40)
					}
					room := host.MailOut.TryLoan(uint32(length))
					for room == nil {
						host.MailOut.Publish()
						time.Sleep(time.Microsecond)
						room = host.MailOut.TryLoan(uint32(length))
					}
					if random.Intn(10) == 0 {
						host.MailOut.Cancel()
						continue
					}
					binary.LittleEndian.PutUint64(room, uint64(i))
					for at := range room[8:] {
						room[8+at] = byte(i + at)
					}
					host.MailOut.Commit(Head{Kind: Message, Type: uint32(i), Target: uint64(length)})
					i++
				}
				host.MailOut.Publish()
			}
		}()
		for i := 0; i < count; i++ {
			frame, ok := peer.MailIn.Peek()
			for !ok {
				if peer.MailIn.Fault() != NoFault {
					t.Fatal(peer.MailIn.Fault())
				}
				peer.MailIn.StoreCursor()
				time.Sleep(time.Microsecond)
				frame, ok = peer.MailIn.Peek()
			}
			if frame.Type != uint32(i) || frame.Target != uint64(len(frame.Payload)) ||
				binary.LittleEndian.Uint64(frame.Payload) != uint64(i) {
				t.Fatalf("frame %d: %+v", i, frame.Head)
			}
			for at, b := range frame.Payload[8:] {
				if b != byte(i+at) {
					t.Fatalf("frame %d: byte %d is %d", i, at, b)
				}
			}
			peer.MailIn.Begin()
			peer.MailIn.Advance()
			if peer.MailIn.CursorDue() {
				peer.MailIn.StoreCursor()
			}
		}
	}
}

func TestWhatTheProducerMayNotWriteIsFoundOut(t *testing.T) {
	word := func(length uint32, kind, sequence uint16) uint64 {
		return uint64(length) | uint64(kind)<<32 | uint64(sequence)<<48
	}
	for _, c := range []struct {
		commit uint64
		fault  Fault
	}{
		{word(0, 2, 1), SequenceGap},
		{word(0, 0, 0) | 5, UnknownKind},
		{word(0, 10, 0), UnknownKind},
		{word(0, 0x100, 0), UnknownKind},
		{word(2048-31, 2, 0), FrameTooLong},
		{word(0xffffffff, 2, 0), FrameTooLong},
		{word(100, 1, 0), PaddingLength},
	} {
		link := newTestLink(4096)
		link.segments.Mail.store64(PageBytes, c.commit)
		peer := link.peer()
		if _, ok := peer.MailIn.Peek(); ok || peer.Fault() != c.fault {
			t.Errorf("commit word %#x: %v, not %v", c.commit, peer.Fault(), c.fault)
		}
	}
	link := newTestLink(4096)
	host, peer := link.host(), link.peer()
	for i := 0; i < 3; i++ {
		host.MailOut.TryLoan(1000)
		host.MailOut.Commit(Head{Kind: Message})
	}
	host.MailOut.Publish()
	link.segments.Mail.store64(PageBytes+3*1088, word(1000, 2, 3))
	for i := 0; i < 3; i++ {
		peer.MailIn.Peek()
		peer.MailIn.Advance()
	}
	if _, ok := peer.MailIn.Peek(); ok || peer.Fault() != FramePastEnd {
		t.Errorf("past the end: %v", peer.Fault())
	}
}

func TestWhatTheConsumerMayNotStoreIsFoundOut(t *testing.T) {
	for _, c := range []struct {
		cursor uint64
		fault  Fault
	}{{64, NoFault}, {65, CursorUnaligned}, {64 * 64, CursorPastTail}, {0, CursorBackwards}} {
		link := newTestLink(4096)
		host := link.host()
		for host.MailOut.TryLoan(0) != nil {
			host.MailOut.Commit(Head{Kind: Message})
		}
		host.MailOut.Publish()
		link.segments.Peer.store64(cursorOffset, 64)
		host.MailOut.refreshCursor()
		link.segments.Peer.store64(cursorOffset, c.cursor)
		host.MailOut.refreshCursor()
		if host.Fault() != c.fault {
			t.Errorf("cursor %d: %v, not %v", c.cursor, host.Fault(), c.fault)
		}
		if c.fault != NoFault && (host.MailOut.TryLoan(200) != nil || strings.Contains(host.Fault().String(), "unknown")) {
			t.Errorf("cursor %d: a loan is given after a fault", c.cursor)
		}
	}
}

func TestASuccessorTakesUpWhereTheCursorStood(t *testing.T) {
	link := newTestLink(4096)
	host, peer := link.host(), link.peer()
	for _, text := range []string{"a", "b", "c", "d"} {
		send(t, &host.MailOut, text)
	}
	host.MailOut.Publish()
	peer.MailIn.Peek()
	peer.MailIn.Advance()
	peer.MailIn.StoreCursor()
	block := link.segments.Peer
	block.store64(resumeTailOffset, 3*64)
	block.store32(resumeSequenceOffset, 1)
	block.store32(attemptOffset, 2)
	next := link.peer()
	for i, want := range []struct {
		text        string
		redelivered bool
		attempt     uint32
	}{{"b", true, 2}, {"c", true, 0}, {"d", false, 0}} {
		frame, ok := next.MailIn.Peek()
		if !ok || string(frame.Payload) != want.text || next.MailIn.Redelivers() != want.redelivered ||
			next.MailIn.Attempt() != want.attempt {
			t.Fatalf("%d: %q %v %d", i, frame.Payload, next.MailIn.Redelivers(), next.MailIn.Attempt())
		}
		next.MailIn.Advance()
		if next.MailIn.CursorDue() != (i < 2) {
			t.Errorf("%d: the cursor is due: %v", i, next.MailIn.CursorDue())
		}
		if next.MailIn.CursorDue() {
			next.MailIn.StoreCursor()
		}
	}
}

func TestAStopIsHeldUntilItsPositionIsRead(t *testing.T) {
	link := newTestLink(4096)
	host, peer := link.host(), link.peer()
	send(t, &host.MailOut, "a")
	host.MailOut.Publish()
	if peer.StopAt(make([]byte, 7)) {
		t.Error("a stop of 7 bytes is taken")
	}
	peer.StopAt(binary.LittleEndian.AppendUint64(nil, host.MailOut.Tail()))
	send(t, &host.MailOut, "b")
	host.MailOut.Publish()
	if peer.Drained() || !peer.HasMail() {
		t.Error("mail in front of the stop is not read")
	}
	peer.MailIn.Peek()
	peer.MailIn.Advance()
	if !peer.Drained() || peer.HasMail() {
		t.Error("mail behind the stop is read")
	}
}

// heap is memory where the race detector looks, and never on a stack.
//
//go:noinline
func heap(bytes uint64) Memory { return MemoryOf(make([]byte, bytes)) }
