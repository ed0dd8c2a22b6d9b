package ringmail

// Peers that outlive their hosts, which are fake ones: of each its memory, and what it says and is told, is looked at.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

// hosts are those of one peer, one after the other, at one path.
type hosts struct {
	t        *testing.T
	path     string
	listener *net.UnixListener
	features uint64
	life     uint64
	time     time.Duration // for which a peer that is kept looks for the next one
}

func newHosts(t *testing.T, features uint64) *hosts {
	t.Helper()
	h := &hosts{t: t, path: filepath.Join(t.TempDir(), "at"), features: features, time: time.Minute}
	h.listen()
	t.Cleanup(func() { h.listener.Close() })
	return h
}

func (s *hosts) listen() {
	s.t.Helper()
	var err error
	if s.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: s.path, Net: "unix"}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *hosts) connection() *net.UnixConn {
	s.t.Helper()
	s.listener.SetDeadline(time.Now().Add(20 * time.Second))
	socket, err := s.listener.AcceptUnix()
	if err != nil {
		s.t.Fatal(err)
	}
	return socket
}

// next begins when a peer attaches; prepare is told of it before.
func (s *hosts) next(prepare func(*fakeHost)) *fakeHost {
	s.t.Helper()
	h, unused := newFakeHost(s.t, s.features, 1)
	unused.Close()
	h.stream.Close()
	s.life++
	h.incarnation = s.life
	if prepare != nil {
		prepare(h)
	}
	h.socket = s.connection()
	h.stream = link.NewStream(h.socket)
	err := h.welcome()
	if err == nil && s.features&link.OutlivesHost != 0 {
		err = h.stream.Send(link.KindOutlive, outliveOf(s.time, s.path, "sesame"))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if ready, err := h.stream.Receive(); err != nil || ready.Kind != link.KindReady {
		s.t.Fatal(ready.Kind, err)
	}
	return h
}

func outliveOf(limit time.Duration, path, token string) []byte {
	payload := binary.LittleEndian.AppendUint64(nil, uint64(limit))
	for _, text := range []string{path, token} {
		payload = append(binary.LittleEndian.AppendUint32(payload, uint32(len(text))), text...)
	}
	return payload
}

func (s *hosts) attach(options Options) (*fakeHost, *Peer) {
	s.t.Helper()
	options.Path = s.path
	type attached struct {
		peer *Peer
		err  error
	}
	done := make(chan attached, 1)
	go func() {
		peer, err := Attach(context.Background(), options)
		done <- attached{peer, err}
	}()
	first := s.next(nil)
	got := <-done
	if got.err != nil {
		s.t.Fatal(got.err)
	}
	return first, got.peer
}

// die as a process does, whose memory stays while others have it.
func (h *fakeHost) die() { h.stream.Close() }

func number(payload []byte) uint64 { return binary.LittleEndian.Uint64(payload) }

func (h *fakeHost) sendNumbers(correlation uint32, numbers ...uint64) {
	for _, number := range numbers {
		put(&h.lanes[0].MailOut, ring.Head{Kind: ring.Message, Type: 7, Correlation: correlation}, binary.LittleEndian.AppendUint64(nil, number))
	}
	h.lanes[0].Publish()
}

func sendNumber(ctx context.Context, to Mailbox, number uint64) error {
	room, err := to.Loan(ctx, 7, 8)
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(room, number)
	return to.Publish()
}

func (h *fakeHost) word(segment ring.Memory, offset int, value uint64) {
	binary.LittleEndian.PutUint64(segment.Bytes()[offset:], value)
}

// holdsFirst says that the peer has the first of the mail to it in hand, as in the ring of the host before.
func (h *fakeHost) holdsFirst() { h.word(h.segments.Peer, 400, 1) }

func quick(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestWhatIsInHandWhenTheHostDiesIsFinishedWithTheNextOne(t *testing.T) {
	s := newHosts(t, link.OutlivesHost|link.PipeDoorbell)
	ctx := quick(t)
	first, peer := s.attach(Options{Name: "fake"})
	first.sendNumbers(9, 1, 2)
	m, err := peer.Receive(ctx)
	if err != nil || !m.Asked() {
		t.Fatal(err)
	}
	if err := sendNumber(ctx, Mailbox{peer, 5}, 11); err != nil {
		t.Fatal(err)
	}
	first.die()
	var second *fakeHost
	back := make(chan bool)
	go func() {
		second = s.next(func(h *fakeHost) {
			h.made = func() { // what the first host had not handled stands before what the peer sends now
				h.word(h.segments.Peer, 1024, 1<<32)
				h.word(h.segments.Peer, 1024+8, ring.LineBytes)
				h.word(h.segments.Host, 0, ring.LineBytes)
				h.word(h.segments.Host, 392, 1)
			}
			h.filled = func() { h.sendNumbers(0, 1, 2); h.holdsFirst() }
		})
		close(back)
	}()
	if _, err := peer.Lookup(cancelled(t, 100*time.Millisecond), "anybody"); err == nil {
		t.Fatal("the host does not answer")
	}
	<-back
	if number(m.Payload()) != 1 || !m.Asked() {
		t.Error("it is in hand no more")
	}
	if err := errors.Join(m.Refuse(Stopping), sendNumber(ctx, Mailbox{peer, 5}, 12), m.Release()); err != nil {
		t.Fatal(err)
	}
	if m, err = peer.Receive(ctx); err != nil || number(m.Payload()) != 2 || m.Asked() {
		t.Fatal(err, m)
	}
	if err := errors.Join(sendNumber(ctx, Mailbox{peer, 5}, 13), m.Release()); err != nil {
		t.Error(err)
	}
	for _, want := range []uint64{12, 13} {
		if _, payload := take(t, second.lanes[0], &second.lanes[0].MailIn); number(payload) != want {
			t.Error(number(payload), "is not", want)
		}
	}
	if left := second.lanes[0].MailOut.Unfinished(); left.Messages != 0 || !second.lanes[0].ControlIn.Empty() {
		t.Error(left)
	}
	if second.hello.Token != "sesame" || second.hello.Name != "fake" || peer.Incarnation() != 2 {
		t.Error(second.hello, peer.Incarnation())
	}
	if counters := peer.Counters(); counters.Received != 2 || counters.Sent != 3 || counters.LostWakeups != 0 {
		t.Errorf("%+v", counters)
	}
	peer.Close()
}

// gone is when the peer knows.
func (h *fakeHost) gone(peer *Peer) <-chan struct{} { return peer.said.Load().host.gone }

func cancelled(t *testing.T, after time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	t.Cleanup(cancel)
	return ctx
}

func TestARestartEndsAsksAndMonitorsAndIsTold(t *testing.T) {
	s := newHosts(t, link.OutlivesHost|link.Monitors)
	ctx := quick(t)
	first, peer := s.attach(Options{})
	var told []string
	peer.OnRestart(func(unread uint64) error {
		told = append(told, fmt.Sprint("restart ", unread, peer.Incarnation()))
		return nil
	})
	board := Mailbox{peer, 5}
	waited, err := board.Ask(ctx, conformanceGet{})
	if err != nil {
		t.Fatal(err)
	}
	watched, err := board.Ask(ctx, conformanceGet{})
	if err != nil {
		t.Fatal(err)
	}
	watched.Then(func(_ Reply, err error) error {
		told = append(told, fmt.Sprint("answer ", errors.Is(err, ErrHostRestarted), " ", err))
		return nil
	})
	monitor, err := board.Monitor(ctx, func(down Down) error {
		told = append(told, fmt.Sprint("down ", down.Mailbox.ID(), down.Kind, down.Reason))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	first.die()
	back := make(chan *fakeHost, 1)
	go func() { back <- s.next(nil) }()
	var declined *DeclinedError
	if _, err := waited.Wait(ctx); !errors.Is(err, ErrHostRestarted) || !errors.As(err, &declined) || declined.Reason != HostRestarted {
		t.Error(err)
	}
	if err := monitor.Stop(ctx); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	second := <-back
	second.sendNumbers(0, 3)
	m, err := peer.Receive(ctx)
	if err != nil || number(m.Payload()) != 3 {
		t.Fatal(err)
	}
	want := []string{"restart 0 2", "down 5 7unreachable: its host was restarted",
		"answer true the ask was not answered: the host was restarted"}
	if !reflect.DeepEqual(told, want) {
		t.Errorf("%q", told)
	}
	// The numbers of new ones are others.
	again, err := board.Monitor(ctx, func(Down) error { return nil })
	if err != nil || again.number == monitor.number {
		t.Error(err, again.number)
	}
	if err := m.Release(); err != nil {
		t.Error(err)
	}
}

func TestWithoutAKeeperWhatTheHostHadNotReadIsCounted(t *testing.T) {
	s := newHosts(t, link.PipeDoorbell)
	ctx := quick(t)
	first, peer := s.attach(Options{Name: "guest", Token: "sesame", Reconnect: time.Minute})
	if first.hello.Token != "sesame" || first.hello.Name != "guest" {
		t.Error(first.hello)
	}
	unread := uint64(99)
	peer.OnRestart(func(count uint64) error { unread = count; return nil })
	to := Mailbox{peer, 5}
	for number := uint64(0); number < 5; number++ {
		if err := sendNumber(ctx, to, number); err != nil {
			t.Fatal(err)
		}
	}
	if err := peer.Flush(); err != nil {
		t.Fatal(err)
	}
	take(t, first.lanes[0], &first.lanes[0].MailIn)
	first.sendNumbers(0, 1, 2)
	first.die()
	<-first.gone(peer)
	// What the host had sent is read before.
	for want := uint64(1); want <= 2; want++ {
		m, err := peer.Receive(ctx)
		if err != nil || number(m.Payload()) != want {
			t.Fatal(err)
		}
		if want == 1 { // what is in hand would be lost
			if _, err := peer.Lookup(ctx, "board"); !errors.Is(err, errHeldBack) {
				t.Error(err)
			}
			if err := sendNumber(ctx, to, 0); !errors.Is(err, ErrFull) || !errors.Is(err, errHeldBack) {
				t.Error(err)
			}
		}
		if err := m.Release(); err != nil {
			t.Error(err)
		}
	}
	back := make(chan *fakeHost, 1)
	go func() { back <- s.next(nil) }()
	if err := sendNumber(ctx, to, 6); err != nil { // finds the next host
		t.Fatal(err)
	}
	if _, err := peer.Receive(cancelled(t, time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) || unread != 4 {
		t.Error(err, unread)
	}
	second := <-back
	if _, payload := take(t, second.lanes[0], &second.lanes[0].MailIn); number(payload) != 6 {
		t.Error(number(payload))
	}
	if second.hello.Token != "sesame" || second.hello.Name != "guest" {
		t.Error(second.hello)
	}
}

func answerLookups(h *fakeHost) error {
	for {
		frame, err := h.stream.Receive()
		if err != nil {
			return err
		}
		if request, _, err := link.DecodeResolve(frame.Payload); err != nil ||
			h.stream.Send(link.KindResolved, link.Resolved{Request: request, Found: true, Mailbox: 5}.Encode()) != nil {
			return err
		}
	}
}

func TestALookupWaitsForTheNextHostWhoeverMakesIt(t *testing.T) {
	s := newHosts(t, link.OutlivesHost|link.PipeDoorbell)
	ctx := quick(t)
	first, peer := s.attach(Options{})
	first.sendNumbers(0, 1)
	inHandler, goOn := make(chan bool), make(chan bool)
	running := make(chan error, 1)
	go func() {
		running <- peer.Run(ctx, func(m *Message) error {
			close(inHandler)
			<-goOn
			board, err := peer.Lookup(ctx, "board") // in the peer's own goroutine, too
			if err != nil {
				return err
			}
			return sendNumber(ctx, board, number(m.Payload()))
		})
	}()
	<-inHandler
	// It is asked, and dies before it answers.
	lookedUp := make(chan error, 2)
	for i := 0; i < 2; i++ {
		go func() {
			board, err := peer.Lookup(ctx, "board")
			if err == nil && board.ID() != 5 {
				err = fmt.Errorf("%v", board)
			}
			lookedUp <- err
		}()
	}
	for i := 0; i < 2; i++ {
		if frame, err := first.stream.Receive(); err != nil || frame.Kind != link.KindResolve {
			t.Fatal(err)
		}
	}
	first.die()
	holds := func(h *fakeHost) { h.filled = func() { h.sendNumbers(0, 1); h.holdsFirst() } }
	second := s.next(holds)
	go answerLookups(second)
	for i := 0; i < 2; i++ {
		if err := <-lookedUp; err != nil {
			t.Error(err)
		}
	}
	second.die()
	<-second.gone(peer)
	close(goOn)
	third := s.next(holds)
	go answerLookups(third)
	if _, payload := take(t, third.lanes[0], &third.lanes[0].MailIn); number(payload) != 1 {
		t.Error(payload)
	}
	third.stop()
	if err := <-running; err != nil {
		t.Error(err)
	}
	if third.lanes[0].MailOut.Unfinished().Messages != 0 {
		t.Error("it is not finished")
	}
}

func TestAContextEndsAWaitForTheNextHost(t *testing.T) {
	s := newHosts(t, link.OutlivesHost|link.PipeDoorbell)
	first, peer := s.attach(Options{})
	first.die()
	s.listener.Close()
	errTired := errors.New("tired")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(30*time.Millisecond, func() { cancel(errTired) })
	if err := peer.Run(ctx, func(*Message) error { return nil }); err != errTired {
		t.Error(err)
	}
	to := Mailbox{peer, 5}
	if err := sendNumber(cancelled(t, 10*time.Millisecond), to, 1); !errors.Is(err, ErrFull) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := to.TryLoan(7, 8); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if _, err := peer.Lookup(cancelled(t, 10*time.Millisecond), "board"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := peer.Log(0, "late"); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	// One that does not answer, either.
	s.listen()
	silent := make(chan *net.UnixConn, 8)
	go func() { silent <- s.connection() }()
	if _, err := peer.Receive(cancelled(t, 500*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	(<-silent).Close()
	// And it goes on.
	back := make(chan *fakeHost, 1)
	go func() { back <- s.next(func(h *fakeHost) { h.filled = func() { h.sendNumbers(0, 4) } }) }()
	m, err := peer.Receive(quick(t))
	if err != nil || number(m.Payload()) != 4 {
		t.Error(err)
	}
	<-back
	peer.Close()
}

func TestNobodyWaitsForTheNextHostForEver(t *testing.T) {
	s := newHosts(t, link.OutlivesHost)
	s.time = 50 * time.Millisecond
	first, peer := s.attach(Options{})
	s.listener.Close()
	first.die()
	<-peer.Gone() // although it does nothing
	for i := 0; i < 2; i++ {
		if _, err := peer.Receive(quick(t)); !errors.Is(err, ErrHostGone) || !strings.Contains(err.Error(), "no other has come within 50ms") {
			t.Error(err)
		}
	}
	if _, err := peer.Lookup(quick(t), "board"); !errors.Is(err, ErrHostGone) {
		t.Error(err)
	}
	if err := sendNumber(quick(t), Mailbox{peer, 5}, 1); !errors.Is(err, ErrHostGone) {
		t.Error(err)
	}
}

func TestARefusalOfTheNextHostIsFinalUnlessItMayThinkOtherwise(t *testing.T) {
	for code, isFinal := range map[link.RefusalCode]bool{
		link.UnknownName: false, link.TooSlow: false, link.Busy: false, 8: true, 5: true, 99: true,
	} {
		code, isFinal := code, isFinal
		s := newHosts(t, link.OutlivesHost)
		first, peer := s.attach(Options{})
		first.die()
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			stream := link.NewStream(s.connection())
			stream.Receive()
			stream.Send(link.KindRefused, link.EncodeRefused(code, "not you"))
			stream.Receive()
			stream.Close()
			if !isFinal {
				s.next(func(h *fakeHost) { h.filled = func() { h.sendNumbers(0, 4) } })
			}
		}()
		_, err := peer.Receive(quick(t))
		var refused *RefusedError
		if isFinal && (!errors.Is(err, ErrHostGone) || !errors.As(err, &refused)) || !isFinal && err != nil {
			t.Error(code, err)
		}
		if isFinal {
			<-peer.Gone()
		}
		peer.Close()
		<-answered
	}
}

func TestAHostThatHasSaidStopIsNotWaitedFor(t *testing.T) {
	s := newHosts(t, link.OutlivesHost|link.PipeDoorbell)
	first, peer := s.attach(Options{})
	first.sendNumbers(0, 1)
	first.stop()
	m, err := peer.Receive(quick(t))
	if err != nil {
		t.Fatal(err)
	}
	first.die()
	<-peer.Gone()
	if err := m.Release(); err != nil {
		t.Error(err)
	}
	if _, err := peer.Receive(quick(t)); err != ErrStopped {
		t.Error(err)
	}
}

// mappedOf counts what this process has mapped of its fake hosts.
func mappedOf(t *testing.T) int {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(maps), "memfd:test")
}

// unmap leaves the peer's mappings.
func (h *fakeHost) unmap() {
	for _, memory := range []ring.Memory{h.segments.Mail, h.segments.Host, h.segments.Peer, h.segments.HostBells,
		h.segments.PeerBells, h.segments.ArenaToPeer, h.segments.ArenaToHost} {
		if memory.Size() != 0 {
			syscall.Munmap(memory.Bytes())
		}
	}
}

func TestTheMemoryOfADeadHostIsUnmappedWhenNobodyUsesIt(t *testing.T) {
	s := newHosts(t, link.LargeMessages|link.PipeDoorbell)
	ctx := quick(t)
	before := mappedOf(t)
	first, peer := s.attach(Options{Reconnect: time.Minute})
	put(&first.lanes[0].MailOut, ring.Head{Kind: ring.Large, Type: 7}, bodyAt(4096, 100, 3, 1))
	first.lanes[0].Publish()
	m, err := peer.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	body, err := m.Keep()
	if err != nil {
		t.Fatal(err)
	}
	loan, err := (Mailbox{peer, 5}).LoanLarge(ctx, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Release(); err != nil {
		t.Fatal(err)
	}
	of := (mappedOf(t) - before) / 2 // a host; the same by its peer
	first.die()
	back := make(chan *fakeHost, 1)
	go func() { back <- s.next(func(h *fakeHost) { h.filled = func() { h.sendNumbers(0, 4) } }) }()
	if m, err = peer.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	second := <-back
	first.unmap()
	expect := func(hosts int, when string) {
		t.Helper()
		if mapped := mappedOf(t) - before; mapped != hosts*of {
			t.Errorf("%s: %d mappings, not %d times %d", when, mapped, hosts, of)
		}
	}
	expect(3, "both bodies are used")
	// Both are still there.
	copy(loan.Bytes(), body.Bytes())
	if err := (Mailbox{peer, 5}).TrySendLarge(conformanceGet{}, loan); !errors.Is(err, ErrMisuse) {
		t.Error(err)
	}
	if err := body.Release(); err != nil {
		t.Error(err)
	}
	expect(3, "one is used")
	if err := loan.Cancel(); err != nil {
		t.Error(err)
	}
	expect(2, "none is used")
	if err := m.Release(); err != nil {
		t.Error(err)
	}

	// A message in hand, of a host that keeps it.
	s.features = link.OutlivesHost | link.PipeDoorbell
	second.die()
	go func() { back <- s.next(func(h *fakeHost) { h.filled = func() { h.sendNumbers(0, 5) } }) }()
	if m, err = peer.Receive(ctx); err != nil || number(m.Payload()) != 5 {
		t.Fatal(err)
	}
	third := <-back
	second.unmap()
	const ofKept = 5 // it has no arenas
	if mapped := mappedOf(t) - before; mapped != 2*ofKept {
		t.Errorf("%d mappings", mapped)
	}
	third.die()
	go func() { back <- s.next(nil) }()
	if _, err := peer.Lookup(cancelled(t, 100*time.Millisecond), "anybody"); err == nil {
		t.Error("no host answers")
	}
	<-back
	third.unmap()
	if mapped := mappedOf(t) - before; mapped != 3*ofKept || number(m.Payload()) != 5 {
		t.Errorf("%d mappings", mapped)
	}
	if err := m.Release(); err != nil {
		t.Error(err)
	}
	if mapped := mappedOf(t) - before; mapped != 2*ofKept {
		t.Errorf("%d mappings", mapped)
	}
}

func TestAKeptPeerAllocatesNothingEither(t *testing.T) {
	s := newHosts(t, link.OutlivesHost|link.PipeDoorbell)
	ctx := context.Background()
	first, peer := s.attach(Options{})
	lane, to := first.lanes[0], Mailbox{peer, 5}
	if allocations := testing.AllocsPerRun(1000, func() {
		put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: 7}, nil)
		lane.Publish()
		m, err := peer.Receive(ctx)
		if err != nil || to.TrySend(conformanceGet{}) != nil || m.Release() != nil {
			t.Fatal(err)
		}
		take(t, lane, &lane.MailIn)
	}); allocations != 0 {
		t.Error(allocations, "allocations")
	}
}
