package ring

import (
	"encoding/binary"
	"math/rand"
	"testing"
	"time"
)

const arenaPages = 64

// arenaLink is a lane whose peer writes bodies, and whose host gives them back.
type arenaLink struct {
	*testLink
	peer   *Lane
	host   *Lane
	bodies *Bodies
	mostOf uint64 // the machine's memory
}

func newArenaLink(t *testing.T) *arenaLink {
	t.Helper()
	l := &arenaLink{testLink: newTestLink(1 << 16), mostOf: 1 << 40}
	l.layout.ArenaToHostBytes, l.layout.ArenaToPeerBytes = arenaPages*PageBytes, PageBytes
	l.segments.ArenaToHost, l.segments.ArenaToPeer = heap(arenaPages*PageBytes), heap(PageBytes)
	l.segments.PopulateToHost = func(offset, bytes uint64) bool { return offset+bytes <= l.mostOf }
	l.peer, l.host = l.testLink.peer(), l.testLink.host()
	rings := l.layout.rings(l.segments, 0)
	l.bodies = newBodies(l.segments.ArenaToHost, l.layout.returnsToPeer(l.segments, 0), rings.mailToHost.producer,
		NewDoorbell(l.segments.PeerBells))
	return l
}

func (l *arenaLink) loan(t *testing.T, length uint64) Loan {
	t.Helper()
	loan, ok := l.peer.BodiesOut.TryLoan(length, &l.peer.MailOut)
	if !ok {
		t.Fatalf("no room for %d bytes", length)
	}
	return loan
}

// send has a body arrive, in front of the message "m".
func (l *arenaLink) send(t *testing.T, loan Loan) Body {
	t.Helper()
	room := l.peer.MailOut.TryLoan(BodyPlaceBytes + 1)
	l.peer.BodiesOut.Place(loan, room)
	room[BodyPlaceBytes] = 'm'
	l.peer.MailOut.Commit(Head{Kind: Large, Type: 1})
	l.peer.BodiesOut.Sent(loan, &l.peer.MailOut)
	l.peer.Publish()
	frame, ok := l.host.MailIn.Peek()
	if !ok || frame.Kind != Large || string(frame.Payload[BodyPlaceBytes:]) != "m" {
		t.Fatalf("%+v %v", frame, l.host.Fault())
	}
	body, fault := l.bodies.Take(frame.Payload)
	if fault != NoFault {
		t.Fatal(fault)
	}
	return body
}

func (l *arenaLink) finish() {
	l.host.MailIn.Advance()
	l.host.StoreCursors()
}

func (l *arenaLink) isWhole() bool {
	loan, ok := l.peer.BodiesOut.TryLoan(arenaPages*PageBytes, &l.peer.MailOut)
	if ok {
		l.peer.BodiesOut.Cancel(loan)
	}
	return ok
}

func TestABodyIsFreeWhenItHasComeBackAndItsFrameIsFinished(t *testing.T) {
	l := newArenaLink(t)
	loan := l.loan(t, 100)
	copy(loan.Bytes, "body")
	body := l.send(t, loan)
	if len(body.Bytes) != 100 || string(body.Bytes[:4]) != "body" || l.peer.BodiesOut.IsOpen(loan) {
		t.Errorf("%d bytes, %q", len(body.Bytes), body.Bytes[:4])
	}
	if l.isWhole() {
		t.Error("it is free, and is being read")
	}
	l.bodies.GiveBack(body.Slot, body.Serial)
	if l.isWhole() {
		t.Error("it is free, and its frame is not finished")
	}
	l.finish()
	if !l.isWhole() {
		t.Error("it is not free")
	}

	body = l.send(t, l.loan(t, 0)) // one of no bytes has a place, too
	l.finish()
	if l.isWhole() || body.Bytes == nil || len(body.Bytes) != 0 {
		t.Error("it is free, and is kept")
	}
	l.bodies.GiveBack(body.Slot, body.Serial)
	if !l.isWhole() {
		t.Error("it is not free")
	}
}

func TestAnArenaHasSoManySlotsAndNoMore(t *testing.T) {
	l := newArenaLink(t)
	l.peer.BodiesOut = newArena(heap(2*ArenaSlots*PageBytes), l.layout.returnsToPeer(l.segments, 0),
		func(uint64, uint64) bool { return true })
	var loans []Loan
	for i := 0; i < ArenaSlots; i++ {
		loans = append(loans, l.loan(t, 1))
	}
	if _, ok := l.peer.BodiesOut.TryLoan(1, &l.peer.MailOut); ok {
		t.Error("one more than there are slots")
	}
	for _, loan := range loans {
		l.peer.BodiesOut.Cancel(loan)
		if l.peer.BodiesOut.IsOpen(loan) {
			t.Fatal("a loan is open that was cancelled")
		}
	}
	l.loan(t, 2*ArenaSlots*PageBytes)
}

func TestAMachineWithoutMemoryIsAnArenaWithoutRoom(t *testing.T) {
	l := newArenaLink(t)
	l.mostOf = 2 * PageBytes
	first := l.loan(t, 2*PageBytes)
	if _, ok := l.peer.BodiesOut.TryLoan(1, &l.peer.MailOut); ok {
		t.Error("more than there is")
	}
	l.peer.BodiesOut.Cancel(first)
	l.loan(t, 1)
}

func TestBlocksNeverOverlapAndAllComeTogetherAgain(t *testing.T) {
	seed := rand.Int63()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	l := newArenaLink(t)
	type out struct {
		Body
		fill byte
	}
	var held []out
	giveBack := func(i int) {
		for at := 0; at < len(held[i].Bytes); at += PageBytes {
			if b := held[i].Bytes[at]; b != held[i].fill {
				t.Fatalf("a byte is %d, not %d", b, held[i].fill)
			}
		}
		l.bodies.GiveBack(held[i].Slot, held[i].Serial)
		held = append(held[:i], held[i+1:]...)
	}
	for i := 0; i < 20_000; i++ {
		if len(held) > 0 && random.Intn(2) == 0 {
			giveBack(random.Intn(len(held)))
			continue
		}
		loan, ok := l.peer.BodiesOut.TryLoan(uint64(random.Intn(10*PageBytes)), &l.peer.MailOut)
		if !ok {
			continue
		}
		fill := byte(i)
		for at := 0; at < len(loan.Bytes); at += PageBytes {
			loan.Bytes[at] = fill
		}
		held = append(held, out{l.send(t, loan), fill})
		l.finish()
	}
	for len(held) > 0 {
		giveBack(0)
	}
	if !l.isWhole() || len(l.peer.BodiesOut.free) != 1 {
		t.Errorf("%+v", l.peer.BodiesOut.free)
	}
}

func TestSteadyBodiesAllocateNothing(t *testing.T) {
	l := newArenaLink(t)
	allocations := testing.AllocsPerRun(1000, func() {
		loan, _ := l.peer.BodiesOut.TryLoan(3*PageBytes, &l.peer.MailOut)
		body := l.send(t, loan)
		l.bodies.Keep(body)
		l.finish()
		if !l.bodies.Unkeep(body) {
			t.Fatal("it was not kept")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// place is what says where a body is.
func place(offset, length uint64, slot, serial uint32) []byte {
	bytes := make([]byte, BodyPlaceBytes)
	binary.LittleEndian.PutUint64(bytes, offset)
	binary.LittleEndian.PutUint64(bytes[8:], length)
	binary.LittleEndian.PutUint32(bytes[16:], slot)
	binary.LittleEndian.PutUint32(bytes[20:], serial)
	return bytes
}

func TestABodyThatCannotBeIsFoundOut(t *testing.T) {
	const arena = arenaPages * PageBytes
	for _, c := range []struct {
		payload []byte
		fault   Fault
	}{
		{make([]byte, BodyPlaceBytes-1), BodyNotDescribed},
		{place(1, 1, 0, 1), BodyNotDescribed},
		{place(PageBytes/2, 1, 0, 1), BodyNotDescribed},
		{place(0, 1, ArenaSlots, 1), BodyNotDescribed},
		{place(0, 1, 0, 0), BodyNotDescribed},
		{place(0, arena+1, 0, 1), BodyPastEnd},
		{place(PageBytes, arena-PageBytes+1, 0, 1), BodyPastEnd},
		{place(arena, 1, 0, 1), BodyPastEnd},
		{place(1<<63, 1, 0, 1), BodyPastEnd},
		{place(0, 1<<64-1, 0, 1), BodyPastEnd},
		{place(arena, 0, 3, 1), NoFault},
		{place(0, arena, ArenaSlots-1, 1<<32-1), NoFault},
	} {
		l := newArenaLink(t)
		if _, fault := l.bodies.Take(c.payload); fault != c.fault {
			t.Errorf("%x: %v, not %v", c.payload, fault, c.fault)
		}
	}
	l := newArenaLink(t)
	if _, fault := l.bodies.Take(place(0, 1, 7, 1)); fault != NoFault {
		t.Error(fault)
	}
	if _, fault := l.bodies.Take(place(PageBytes, 1, 7, 2)); fault != BodySentTwice {
		t.Error(fault)
	}
	l.bodies.GiveBack(7, 1)
	if _, fault := l.bodies.Take(place(PageBytes, 1, 7, 2)); fault != NoFault {
		t.Error(fault)
	}
	if _, fault := (*Bodies)(nil).Take(place(0, 1, 0, 1)); fault != BodyNotDescribed {
		t.Error("there is no arena, and", fault)
	}
}

func TestWhatAReaderGivesBackThatItHasNotGotEndsTheLink(t *testing.T) {
	l := newArenaLink(t)
	body := l.send(t, l.loan(t, 1))
	l.bodies.GiveBack(body.Slot, body.Serial+1)
	if l.isWhole() || l.peer.Fault() != BodyReturnedWrongly {
		t.Error(l.peer.Fault())
	}

	// Of a slot that is nobody's nothing is believed.
	l = newArenaLink(t)
	l.bodies.GiveBack(100, 77)
	body = l.send(t, l.loan(t, 1))
	if l.isWhole() || l.peer.Fault() != NoFault {
		t.Error(l.peer.Fault())
	}
	l.finish()
	l.bodies.GiveBack(body.Slot, body.Serial)
	l.bodies.GiveBack(body.Slot, body.Serial) // twice is the same as once
	if !l.isWhole() {
		t.Error(l.peer.Fault())
	}
}

func TestWhoWaitsForABodyIsRung(t *testing.T) {
	l := newArenaLink(t)
	body := l.send(t, l.loan(t, 1))
	l.finish()
	parker := NewParker(l.segments.PeerBells, nil)
	l.peer.MailOut.WantRoom(true)
	woken := make(chan bool)
	go func() {
		slept := false
		for !l.isWhole() {
			slept = parker.Park(time.Time{}, l.isWhole) || slept
		}
		woken <- slept
	}()
	for stateOf(l.segments.PeerBells.load32(parkOffset)) != parked {
	}
	l.bodies.GiveBack(body.Slot, body.Serial)
	if !<-woken || parker.LostWakeups() != 0 {
		t.Error("it was not woken")
	}
}
