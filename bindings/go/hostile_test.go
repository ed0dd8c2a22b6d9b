package ringmail

// What a host may not say of bodies and introductions, and what a peer then answers.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringmail.dev/ringmail/internal/conformance"
	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

func bodyAt(offset, length uint64, slot, serial uint32) []byte {
	bytes := binary.LittleEndian.AppendUint64(nil, offset)
	bytes = binary.LittleEndian.AppendUint64(bytes, length)
	bytes = binary.LittleEndian.AppendUint32(bytes, slot)
	bytes = binary.LittleEndian.AppendUint32(bytes, serial)
	return append(bytes, make([]byte, 8)...)
}

func TestAHostThatSendsImpossibleBodiesIsAtFault(t *testing.T) {
	const large = link.LargeMessages
	for _, c := range []struct {
		features uint64
		payloads [][]byte
		want     string
	}{
		{0, [][]byte{bodyAt(0, 1, 0, 1)}, "a message with a body does not say where it is"},
		{large, [][]byte{make([]byte, 31)}, "a message with a body does not say where it is"},
		{large, [][]byte{bodyAt(1, 1, 0, 1)}, "a message with a body does not say where it is"},
		{large, [][]byte{bodyAt(0, 1, 512, 1)}, "a message with a body does not say where it is"},
		{large, [][]byte{bodyAt(0, 1, 0, 0)}, "a message with a body does not say where it is"},
		{large, [][]byte{bodyAt(fakeArenaBytes, 1, 0, 1)}, "a body reaches past the end of its arena"},
		{large, [][]byte{bodyAt(0, 1<<64-1, 0, 1)}, "a body reaches past the end of its arena"},
		{large, [][]byte{bodyAt(0, 1, 0, 1), bodyAt(0, 1, 0, 1)}, "a body was sent again before it was given back"},
	} {
		h, peer, lane := welcomed(t, c.features)
		for _, payload := range c.payloads {
			put(&lane.MailOut, ring.Head{Kind: ring.Large, Type: 1}, payload)
		}
		lane.Publish()
		keep := func(m *Message) error {
			_, err := m.Keep()
			return err
		}
		endsTheLink(t, h, peer, keep, "the host broke the protocol: "+c.want)
	}
}

func TestAHostThatGivesBackWhatItHasNotGotIsAtFault(t *testing.T) {
	h, peer, _ := welcomed(t, link.LargeMessages)
	to := Mailbox{peer, 5}
	loan, err := to.TryLoanLarge(fakeArenaBytes)
	if err == nil {
		err = to.TrySendLarge(conformanceGet{}, loan)
	}
	if err != nil {
		t.Fatal(err)
	}
	const returns, serials = 1536, 1536 + 512
	host := h.segments.Host.Bytes()
	binary.LittleEndian.PutUint32(host[serials:], 77)
	binary.LittleEndian.PutUint32(host[returns:], 1)
	var protocol *ProtocolError
	if _, err := to.LoanLarge(context.Background(), 1); !errors.As(err, &protocol) ||
		!strings.HasSuffix(err.Error(), "a body was given back that was not sent") {
		t.Error(err)
	}
}

func TestArenasThatCannotBeTrustedAreRefused(t *testing.T) {
	const large = link.LargeMessages
	for want, spoil := range map[string]func(h *fakeHost){
		"segment arena_to_peer: it has the seals 0x6 and needs 0x17": func(h *fakeHost) { h.seals[link.RoleArenaToPeer] = 2 | 4 },
		"segment arena_to_host: it has the seals 0x2 and needs 0x6":  func(h *fakeHost) { h.seals[link.RoleArenaToHost] = 2 },
		"segment arena_to_peer of 12288 bytes, not whole pages for each of 2 lanes": func(h *fakeHost) {
			h.bytes[link.RoleArenaToPeer] = 3 * 4096
		},
		"segment arena_to_host: it has 131072 bytes, 8192 were announced": func(h *fakeHost) { h.bytes[link.RoleArenaToHost] = 8192 },
		"7 descriptors came for 8 segments":                               func(h *fakeHost) { h.forget = link.RoleArenaToHost },
		"the host chose large, and does not share its bells":              func(h *fakeHost) { h.features |= link.StreamDoorbell },
	} {
		refusesWelcome(t, large|link.PipeDoorbell, 2, spoil, want)
	}
}

func TestWhereThereIsNoArenaThereAreNoBodies(t *testing.T) {
	_, peer, _ := welcomed(t, 0)
	if _, err := (Mailbox{peer, 5}).TryLoanLarge(1); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	if _, err := (Mailbox{}).TryLoanLarge(1); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if err := (Body{}).Release(); !errors.Is(err, ErrMisuse) {
		t.Error(err)
	}
}

func TestBodiesOfEachLaneAllocateNothing(t *testing.T) {
	h, peer := attachInProcess(t, link.LargeMessages, 2)
	ctx := context.Background()
	serial, place := uint32(0), bodyAt(4096, 5000, 3, 0)
	lane := h.lanes[1]
	to := Mailbox{peer, 1<<laneShift | 5}
	round := func() {
		serial++
		binary.LittleEndian.PutUint32(place[20:], serial)
		copy(lane.MailOut.TryLoan(ring.BodyPlaceBytes), place)
		lane.MailOut.Commit(ring.Head{Kind: ring.Large, Type: 1})
		lane.Publish()
		m, err := peer.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		body, err := m.Keep()
		if err != nil || len(m.Body()) != 5000 {
			t.Fatal(err, len(m.Body()))
		}
		loan, err := to.LoanLarge(ctx, 100)
		if err == nil {
			err = loan.Cancel()
		}
		if err != nil || m.Release() != nil || body.Release() != nil {
			t.Fatal(err)
		}
	}
	if allocations := testing.AllocsPerRun(500, round); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// --- Introductions

// introduction is what a host makes for two of its peers, of which one is here.
type introduction struct {
	lane   *ring.Lane // the other peer's end
	bell   ring.Memory
	lost   [4]int // the descriptors
	pipe   int    // what the other may sleep on
	fields []byte
}

const meetingRing = 4096

func introduceFields(lane uint32, name string, mail, control uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, lane)
	b = append(binary.LittleEndian.AppendUint32(b, uint32(len(name))), name...)
	b = binary.LittleEndian.AppendUint64(b, mail)
	return binary.LittleEndian.AppendUint64(b, control)
}

func newIntroduction(t *testing.T, h *fakeHost, lane uint32) *introduction {
	t.Helper()
	made := &introduction{fields: introduceFields(lane, "other", meetingRing, meetingRing)}
	side := ring.LayoutBetweenPeers(meetingRing, meetingRing).PeerBytes()
	var memory [3]ring.Memory
	for i, bytes := range []uint64{side, side, ring.BellBytes} {
		made.lost[i] = memfd(t, bytes)
		mapped, err := syscall.Mmap(made.lost[i], 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		memory[i] = ring.MemoryOf(mapped)
		made.seal(t, i, 1|2|4)
	}
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	made.pipe, made.lost[3] = ends[0], ends[1]
	made.bell = memory[2]
	var ok bool
	if made.lane, ok = ring.LaneBetween(meetingRing, meetingRing, memory[1], memory[0], h.segments.PeerBells, h.pipe); !ok {
		t.Fatal("cannot be taken up")
	}
	t.Cleanup(func() {
		for _, number := range append(made.lost[:], made.pipe) {
			syscall.Close(number)
		}
	})
	return made
}

func (*introduction) sealed(number, seals int) error {
	const addSeals = 1033
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(number), addSeals, uintptr(seals)); errno != 0 {
		return errno
	}
	return nil
}

func (i *introduction) seal(t *testing.T, which, seals int) {
	t.Helper()
	if err := i.sealed(i.lost[which], seals); err != nil {
		t.Fatal(err)
	}
}

// introduce is answered with that text.
func (h *fakeHost) introduce(fields []byte, descriptors []int) string {
	h.t.Helper()
	if err := h.stream.SendWith(link.KindIntroduce, fields, descriptors); err != nil {
		h.t.Fatal(err)
	}
	return h.introduced()
}

func (h *fakeHost) introduced() string {
	h.t.Helper()
	frame, err := h.stream.Receive()
	if err != nil || frame.Kind != link.KindIntroduced {
		h.t.Fatal(frame.Kind, err)
	}
	return string(frame.Payload[8:])
}

func (h *fakeHost) presence(lane uint32, state link.State) {
	h.t.Helper()
	if err := h.stream.Send(link.KindPresence, append(binary.LittleEndian.AppendUint32(nil, lane), byte(state))); err != nil {
		h.t.Fatal(err)
	}
}

const meets = link.Introductions | link.PipeDoorbell

// met is a peer of one lane to its host, and one to another peer.
func met(t *testing.T) (*fakeHost, *Peer, *introduction, Mailbox) {
	t.Helper()
	h, peer, _ := welcomed(t, meets)
	made := newIntroduction(t, h, 1)
	if text := h.introduce(made.fields, made.lost[:]); text != "" {
		t.Fatal(text)
	}
	return h, peer, made, Mailbox{peer, 1 << laneShift}
}

func TestAnotherPeerIsReceivedFromAnsweredSentToAndAsked(t *testing.T) {
	h, peer, made, other := met(t)
	ran := make(chan error, 1)
	go func() {
		ran <- peer.Run(context.Background(), func(m *Message) error {
			if m.Sender() != other {
				return fmt.Errorf("from %v", m.Sender())
			}
			if m.Asked() {
				return m.Reply(conformanceGet{})
			}
			call, err := other.Ask(context.Background(), conformanceGet{})
			if err != nil {
				return err
			}
			_, err = call.Wait(context.Background())
			return errors.Join(err, m.Sender().Send(context.Background(), conformanceGet{}))
		})
	}()
	const rounds = 30
	for i := uint32(1); i <= rounds; i++ {
		put(&made.lane.MailOut, ring.Head{Kind: ring.Message, Type: 7, Correlation: i}, nil)
		put(&made.lane.MailOut, ring.Head{Kind: ring.Message, Type: 8}, nil)
		made.lane.Publish()
		head, _ := take(t, made.lane, &made.lane.ControlIn)
		if head != (ring.Head{Kind: ring.Reply, Type: conformance.GetType, Correlation: i}) {
			t.Fatalf("reply %+v", head)
		}
		asked, _ := take(t, made.lane, &made.lane.MailIn)
		if asked.Correlation>>24 != 4 || asked.Target != 0 || asked.Sender != 0 { // the life of the asker is its incarnation
			t.Fatalf("asked %+v", asked)
		}
		put(&made.lane.ControlOut, ring.Head{Kind: ring.Reply, Correlation: asked.Correlation}, nil)
		made.lane.Publish()
		if head, _ := take(t, made.lane, &made.lane.MailIn); head.Target != 0 || head.Kind != ring.Message {
			t.Fatalf("mail %+v", head)
		}
		if i%3 == 0 {
			time.Sleep(2 * time.Millisecond) // the peer goes to sleep
		}
	}
	// It reads what had been published when it learned of the stop.
	h.stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if counters := peer.Counters(); counters.LostWakeups != 0 || counters.Received != 2*rounds {
		t.Errorf("%+v", counters)
	}
	if err := peer.Close(); err != nil {
		t.Error(err)
	}
	if goodbye, err := h.stream.Receive(); err != nil || goodbye.Kind != link.KindGoodbye {
		t.Error(goodbye.Kind, err)
	}
}

func TestASleepingPeerIsRungByItsFutexAndItsPipe(t *testing.T) {
	_, peer, made, other := met(t)
	made.bell.Bytes()[0] = 1<<2 | 1 // parked
	if err := errors.Join(other.TrySend(conformanceGet{}), peer.Flush()); err != nil {
		t.Fatal(err)
	}
	var bytes [8]byte
	if count, err := syscall.Read(made.pipe, bytes[:]); count != 1 || err != nil || made.bell.Bytes()[0] != 1<<2|2 {
		t.Error(count, err, made.bell.Bytes()[0])
	}
	if err := errors.Join(other.TrySend(conformanceGet{}), peer.Flush()); err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Read(made.pipe, bytes[:]); err != syscall.EAGAIN {
		t.Error("it is rung twice for one sleep")
	}
}

func TestAnAnswerToAPredecessorIsDropped(t *testing.T) {
	_, peer, made, other := met(t)
	call, err := other.Ask(context.Background(), conformanceGet{})
	if err != nil || peer.Flush() != nil {
		t.Fatal(err)
	}
	asked, _ := take(t, made.lane, &made.lane.MailIn)
	old := asked.Correlation&asksOfALife | 3<<24
	put(&made.lane.ControlOut, ring.Head{Kind: ring.Reply, Type: 1, Correlation: old}, nil)
	put(&made.lane.ControlOut, ring.Head{Kind: ring.Reply, Type: 2, Correlation: asked.Correlation}, nil)
	made.lane.Publish()
	if reply, err := call.Wait(context.Background()); err != nil || reply.Type != 2 {
		t.Error(reply, err)
	}
}

func TestNobodyAnswersTheDeadAndNothingIsSentToWhoHasEnded(t *testing.T) {
	h, peer, made, other := met(t)
	ctx := context.Background()
	state := func(want link.State) {
		t.Helper()
		h.presence(1, want)
		for limit := time.Now().Add(10 * time.Second); !peer.lanes[len(peer.lanes)-1].is(want); {
			peer.adopt()
			if time.Now().After(limit) {
				t.Fatal("no presence is noted")
			}
			time.Sleep(time.Millisecond) // until the other goroutine has read it
		}
	}
	for correlation := uint32(1); correlation <= 2; correlation++ {
		put(&made.lane.MailOut, ring.Head{Kind: ring.Message, Type: 7, Correlation: correlation}, nil)
	}
	made.lane.Publish()
	m, err := peer.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	state(link.Away)
	if err := errors.Join(m.Reply(conformanceGet{}), other.TrySend(conformanceGet{}), m.Release()); err != nil {
		t.Error(err)
	}
	if !made.lane.ControlIn.Empty() {
		t.Error("a dead asker is answered")
	}
	state(link.There)
	if m, err = peer.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	state(link.Ended)
	if err := errors.Join(m.Reply(conformanceGet{}), m.Release()); err != nil || !made.lane.ControlIn.Empty() {
		t.Error(err)
	}
	if err := other.TrySend(conformanceGet{}); !errors.Is(err, ErrNotFound) || !strings.HasSuffix(err.Error(), `the peer "other" has ended`) {
		t.Error(err)
	}
}

func TestTheEndOfTheOtherEndsAWaitForRoom(t *testing.T) {
	h, peer, _, other := met(t)
	for other.TrySend(conformanceGet{}) == nil {
	}
	if err := peer.Flush(); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	go func() { waited <- other.Send(context.Background(), conformanceGet{}) }()
	time.Sleep(2 * time.Millisecond) // it goes to sleep
	h.presence(1, link.Ended)
	if err := <-waited; !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestTwoPeersHaveNoBodiesAndNoMonitors(t *testing.T) {
	_, _, _, other := met(t)
	if _, err := other.TryLoanLarge(1); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	if _, err := other.Monitor(context.Background(), nil); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

func TestALaneOnWhichThereIsTheImpossibleIsGivenUpAndTheLinkGoesOn(t *testing.T) {
	for want, write := range map[string]func(*ring.Lane){
		"a system frame came as mail":         func(l *ring.Lane) { put(&l.MailOut, ring.Head{Kind: ring.Signal, Type: 4}, nil) },
		"a system frame came as mail ":        func(l *ring.Lane) { put(&l.MailOut, ring.Head{Kind: ring.Large}, bodyAt(0, 1, 0, 1)) },
		"mail came on a control ring":         func(l *ring.Lane) { put(&l.ControlOut, ring.Head{Kind: ring.Message}, nil) },
		"a stop came that only a host says":   func(l *ring.Lane) { put(&l.ControlOut, ring.Head{Kind: ring.Stop}, make([]byte, 8)) },
		"a frame has an unknown kind":         func(l *ring.Lane) { put(&l.MailOut, ring.Head{Kind: 0x100}, nil) },
		"a frame has an unknown kind in the ": func(l *ring.Lane) { put(&l.ControlOut, ring.Head{Kind: 0x100}, nil) },
	} {
		h, peer, made, other := met(t)
		ran := make(chan error, 1)
		go func() {
			ran <- peer.Run(context.Background(), func(m *Message) error { return m.Reply(conformanceGet{}) })
		}()
		write(made.lane)
		made.lane.Publish()
		if text := h.introduced(); !strings.HasPrefix(text, "'other' broke the protocol: "+strings.Split(want, " in")[0][:20]) {
			t.Errorf("%q, not %q", text, want)
		}
		lane := h.lanes[0]
		put(&lane.MailOut, ring.Head{Kind: ring.Message, Correlation: 1}, nil)
		lane.Publish()
		take(t, lane, &lane.ControlIn)
		h.stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if err := other.TrySend(conformanceGet{}); !errors.Is(err, ErrNotFound) ||
			!strings.HasSuffix(err.Error(), `the peer "other" broke the protocol`) {
			t.Error(err)
		}
		peer.Close()
		if goodbye, err := h.stream.Receive(); err != nil || goodbye.Kind != link.KindGoodbye {
			t.Error(goodbye.Kind, err)
		}
	}
}

func TestIntroductionsThatCannotBeTrustedAreRefused(t *testing.T) {
	fields := introduceFields
	for want, spoil := range map[string]func(*introduction) (descriptors []int){
		"lane 2 is not the next of 1": func(i *introduction) []int {
			i.fields = fields(2, "other", meetingRing, meetingRing)
			return i.lost[:]
		},
		"3 descriptors came with an introduction, not 4": func(i *introduction) []int { return i.lost[:3] },
		"its own side: it has 12288 bytes, 16384": func(i *introduction) []int {
			i.fields = fields(1, "other", 2*meetingRing, meetingRing)
			return i.lost[:]
		},
		"the other's bell: it has 12288 bytes": func(i *introduction) []int { return []int{i.lost[0], i.lost[1], i.lost[0], i.lost[3]} },
		"the other's doorbell: it is not a pipe": func(i *introduction) []int {
			return []int{i.lost[0], i.lost[1], i.lost[2], i.lost[2]}
		},
		"what a predecessor has left in its rings is impossible": func(i *introduction) []int {
			i.lane.MailOut.TryLoan(0)
			i.lane.MailOut.Commit(ring.Head{Kind: 0x100})
			i.lane.Publish()
			return i.lost[:]
		},
	} {
		h, peer, _ := welcomed(t, meets)
		made := newIntroduction(t, h, 1)
		if text := h.introduce(made.fields, spoil(made)); !strings.HasPrefix(text, want) {
			t.Errorf("%q, not %q", text, want)
		}
		if err := (Mailbox{peer, 1 << laneShift}).TrySend(conformanceGet{}); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		// The link goes on, and the host may introduce them again.
		again := newIntroduction(t, h, 1)
		if text := h.introduce(again.fields, again.lost[:]); text != "" {
			t.Error(text)
		}
		peer.Close()
	}
	unsealed := &introduction{}
	h, _, _ := welcomed(t, meets)
	made := newIntroduction(t, h, 1)
	bare := memfd(t, ring.LayoutBetweenPeers(meetingRing, meetingRing).PeerBytes())
	if err := unsealed.sealed(bare, 2|4); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(bare)
	if text := h.introduce(made.fields, []int{made.lost[0], bare, made.lost[2], made.lost[3]}); text !=
		"the other side: it has the seals 0x6 and needs 0x7" {
		t.Error(text)
	}
	h, _, _ = welcomed(t, link.PipeDoorbell)
	made = newIntroduction(t, h, 1)
	if text := h.introduce(made.fields, made.lost[:]); text != "introductions were not agreed on" {
		t.Error(text)
	}
}

func TestAMalformedIntroductionEndsTheLink(t *testing.T) {
	for _, fields := range [][]byte{
		introduceFields(1, "", meetingRing, meetingRing),
		introduceFields(1, "other", meetingRing-1, meetingRing),
		introduceFields(1, "other", meetingRing, 0),
		append(introduceFields(1, "other", meetingRing, meetingRing), 0),
		introduceFields(1, "other", meetingRing, meetingRing)[:20],
	} {
		h, peer, _ := welcomed(t, meets)
		if err := h.stream.Send(link.KindIntroduce, fields); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Receive(context.Background()); err != ErrHostGone {
			t.Errorf("%x: %v", fields, err)
		}
	}
	h, peer, _ := welcomed(t, meets)
	h.presence(1, 3)
	if _, err := peer.Receive(context.Background()); err != ErrHostGone {
		t.Error(err)
	}
}
