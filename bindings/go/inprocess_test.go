package ringmail

// A host in this very process: it chooses what no other host of the tests does (the features, the number of lanes), breaks
// rules, and has both ends of the rings where the race detector and the allocator can be asked.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"ringmail.dev/ringmail/internal/conformance"
	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

type fakeHost struct {
	t        *testing.T
	layout   ring.Layout
	features uint64
	segments ring.Segments
	stream   *link.Stream
	socket   *net.UnixConn
	mirrors  []byte
	pipe     int // the end that is written
	lanes    []*ring.Lane

	hello       link.Hello
	incarnation uint64
	outlive     *link.Outlive // that follows the welcome
	made        func()        // called when there are segments
	filled      func()        // and when there are lanes, before the peer has them

	// What a test breaks.
	seals  map[link.Role]int
	bytes  map[link.Role]uint64
	forget link.Role // its descriptor
}

const allSeals = 2 | 4 | 16 | 1

const fakeArenaBytes = 16 * ring.PageBytes // of each lane

func newFakeHost(t *testing.T, features uint64, lanes uint32) (*fakeHost, *net.UnixConn) {
	t.Helper()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var sockets [2]*net.UnixConn
	for i, end := range ends {
		file := os.NewFile(uintptr(end), "socket")
		connection, err := net.FileConn(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		sockets[i] = connection.(*net.UnixConn)
	}
	h := &fakeHost{t: t, features: features, socket: sockets[0], stream: link.NewStream(sockets[0]), pipe: -1, incarnation: 4,
		layout: ring.Layout{Lanes: lanes, MailToPeerBytes: 8192, MailToHostBytes: 4096, ControlBytes: 4096},
		seals:  map[link.Role]int{}, bytes: map[link.Role]uint64{}}
	t.Cleanup(func() { h.stream.Close() })
	return h, sockets[1]
}

// newPipeHost names its pipes in the environment.
func newPipeHost(t *testing.T, features uint64) *fakeHost {
	t.Helper()
	h, socket := newFakeHost(t, features, 1)
	socket.Close()
	h.stream.Close()
	var toPeer, toHost [2]int
	if err := errors.Join(syscall.Pipe2(toPeer[:], syscall.O_CLOEXEC), syscall.Pipe2(toHost[:], syscall.O_CLOEXEC)); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.stream, err = link.Adopt(toHost[0], toPeer[1]); err != nil {
		t.Fatal(err)
	}
	h.socket = nil
	t.Setenv(inheritedDescriptors, fmt.Sprintf("%d,%d,99", toPeer[0], toHost[1]))
	return h
}

func TestAPeerIsSpokenToByPipesWhereTheHostIsAskedForThem(t *testing.T) {
	for _, features := range []uint64{0, link.PipeDoorbell | link.StreamDoorbell} {
		h := newPipeHost(t, features)
		welcomed := make(chan error, 1)
		go func() { welcomed <- h.welcome() }()
		peer, err := Attach(context.Background(), Options{})
		if err := errors.Join(err, <-welcomed); err != nil {
			t.Fatal(err)
		}
		if _, stays := os.LookupEnv(inheritedDescriptors); stays {
			t.Error("a child of this process would take the pipes, too")
		}
		if ready, err := h.stream.Receive(); err != nil || ready.Kind != link.KindReady {
			t.Fatal(ready.Kind, err)
		}
		lane := h.lanes[0]
		received := make(chan error, 1)
		go func() {
			m, err := peer.Receive(context.Background())
			if err == nil {
				err = errors.Join(m.Reply(conformanceGet{}), m.Release())
			}
			received <- err
		}()
		time.Sleep(2 * time.Millisecond) // it goes to sleep
		put(&lane.MailOut, ring.Head{Kind: ring.Message, Correlation: 1}, nil)
		lane.Publish()
		take(t, lane, &lane.ControlIn)
		if err := <-received; err != nil {
			t.Error(err)
		}
		h.stream.Close()
		if _, err := peer.Receive(context.Background()); err != ErrHostGone {
			t.Error(err)
		}
		peer.Close()
	}
}

func memfd(t *testing.T, bytes uint64) int {
	t.Helper()
	numbers := map[string]uintptr{"amd64": 319, "arm64": 279}
	name := []byte("test\x00")
	const closeOnExecAllowSealing = 3
	number, _, errno := syscall.Syscall(numbers[runtime.GOARCH], uintptr(unsafe.Pointer(&name[0])), closeOnExecAllowSealing, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	if err := syscall.Ftruncate(int(number), int64(bytes)); err != nil {
		t.Fatal(err)
	}
	return int(number)
}

// welcome makes the segments, and sends them.
func (h *fakeHost) welcome() error {
	hello, err := h.stream.Receive()
	if err != nil || hello.Kind != link.KindHello {
		return fmt.Errorf("hello: %v %w", hello.Kind, err)
	}
	if offered := binary.LittleEndian.Uint64(hello.Payload[8:]); offered != link.Offered {
		return fmt.Errorf("the features are %#x", offered)
	}
	if h.hello, err = link.DecodeHello(hello.Payload); err != nil {
		return err
	}
	roles := []link.Role{link.RoleMail, link.RoleHost, link.RolePeer, link.RoleHostBells, link.RolePeerBells}
	if h.features&link.StreamDoorbell != 0 {
		roles[3] = link.RoleHostParked
	}
	if h.features&link.PipeDoorbell != 0 {
		roles = append(roles, link.RoleDoorbell)
	}
	if h.features&link.LargeMessages != 0 {
		h.layout.ArenaToPeerBytes, h.layout.ArenaToHostBytes = fakeArenaBytes, fakeArenaBytes
		roles = append(roles, link.RoleArenaToPeer, link.RoleArenaToHost)
	}
	var descriptors []int
	defer func() {
		for _, number := range descriptors {
			syscall.Close(number)
		}
	}()
	w := binary.LittleEndian.AppendUint16(nil, 1)
	w = binary.LittleEndian.AppendUint64(w, h.features)
	w = binary.LittleEndian.AppendUint64(w, h.incarnation)
	w = binary.LittleEndian.AppendUint32(w, 64)
	w = binary.LittleEndian.AppendUint32(w, h.layout.Lanes)
	w = binary.LittleEndian.AppendUint64(w, h.layout.MailToPeerBytes)
	w = binary.LittleEndian.AppendUint64(w, h.layout.MailToHostBytes)
	w = binary.LittleEndian.AppendUint64(w, h.layout.ControlBytes)
	for _, text := range []string{"fake", "a schema"} {
		w = append(binary.LittleEndian.AppendUint32(w, uint32(len(text))), text...)
	}
	w = binary.LittleEndian.AppendUint32(w, uint32(os.Getpid()))
	w = append(w, byte(len(roles)))
	for _, role := range roles {
		number, bytes := h.makeSegment(role)
		w = append(w, byte(role))
		w = binary.LittleEndian.AppendUint64(w, bytes)
		w = binary.LittleEndian.AppendUint32(w, uint32(number))
		if role != h.forget {
			descriptors = append(descriptors, number)
		}
	}
	if h.made != nil {
		h.made()
	}
	for i := uint32(0); i < h.layout.Lanes; i++ {
		h.lanes = append(h.lanes, h.layout.HostLane(h.segments, i, ring.NewPipeDoorbell(h.segments.PeerBells, h.pipe)))
	}
	if h.filled != nil {
		h.filled()
	}
	if h.socket == nil { // nothing travels on pipes: the peer opens the host's
		kept := descriptors
		h.t.Cleanup(func() {
			for _, number := range kept {
				syscall.Close(number)
			}
		})
		descriptors = nil
		return h.stream.Send(link.KindWelcome, w)
	}
	header := binary.LittleEndian.AppendUint32(nil, uint32(len(w)))
	header = binary.LittleEndian.AppendUint16(header, uint16(link.KindWelcome))
	_, _, err = h.socket.WriteMsgUnix(append(append(header, 0, 0), w...), syscall.UnixRights(descriptors...), nil)
	return err
}

func (h *fakeHost) makeSegment(role link.Role) (number int, bytes uint64) {
	h.t.Helper()
	var into *ring.Memory
	seals := allSeals
	switch role {
	case link.RoleMail:
		into, bytes = &h.segments.Mail, h.layout.MailBytes()
	case link.RoleHost:
		into, bytes = &h.segments.Host, h.layout.HostBytes()
	case link.RolePeer:
		into, bytes, seals = &h.segments.Peer, h.layout.PeerBytes(), 2|4
	case link.RoleHostBells:
		into, bytes, seals = &h.segments.HostBells, h.layout.HostBellsBytes(), 1|2|4
	case link.RolePeerBells:
		into, bytes, seals = &h.segments.PeerBells, ring.BellBytes, 1|2|4
	case link.RoleHostParked:
		into, bytes = &h.segments.HostParked, h.layout.HostParkedBytes()
	case link.RoleArenaToPeer:
		into, bytes = &h.segments.ArenaToPeer, h.layout.ArenaToPeer()
	case link.RoleArenaToHost:
		into, bytes, seals = &h.segments.ArenaToHost, h.layout.ArenaToHost(), 2|4
	case link.RoleDoorbell:
		var ends [2]int
		if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
			h.t.Fatal(err)
		}
		h.pipe = ends[1]
		h.t.Cleanup(func() { syscall.Close(ends[1]) })
		return ends[0], 4096
	}
	number = memfd(h.t, bytes)
	mapped, err := syscall.Mmap(number, 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		h.t.Fatal(err)
	}
	*into = ring.MemoryOf(mapped)
	if role == link.RoleHostParked {
		h.mirrors = mapped
	}
	if given, ok := h.seals[role]; ok {
		seals = given
	}
	const addSeals = 1033
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(number), addSeals, uintptr(seals)); errno != 0 {
		h.t.Fatal(errno)
	}
	if given, ok := h.bytes[role]; ok {
		bytes = given
	}
	return number, bytes
}

func attachInProcess(t *testing.T, features uint64, lanes uint32) (*fakeHost, *Peer) {
	t.Helper()
	h, socket := newFakeHost(t, features, lanes)
	welcomed := make(chan error, 1)
	go func() { welcomed <- h.welcome() }()
	peer, err := Attach(context.Background(), Options{Socket: socket})
	if err := errors.Join(err, <-welcomed); err != nil {
		t.Fatal(err)
	}
	if ready, err := h.stream.Receive(); err != nil || ready.Kind != link.KindReady {
		t.Fatal(ready.Kind, err)
	}
	return h, peer
}

func put(producer *ring.Producer, head ring.Head, payload []byte) {
	copy(producer.TryLoan(uint32(len(payload))), payload)
	producer.Commit(head)
}

// take waits for a frame.
func take(t *testing.T, lane *ring.Lane, consumer *ring.Consumer) (ring.Head, []byte) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); ; {
		if frame, ok := consumer.Peek(); ok {
			payload := append([]byte(nil), frame.Payload...)
			consumer.Advance()
			lane.StoreCursors()
			return frame.Head, payload
		}
		if consumer.Fault() != ring.NoFault || time.Now().After(limit) {
			t.Fatal("no frame came:", consumer.Fault())
		}
		runtime.Gosched()
	}
}

func (h *fakeHost) stop() {
	for _, lane := range h.lanes {
		put(&lane.ControlOut, ring.Head{Kind: ring.Stop}, binary.LittleEndian.AppendUint64(nil, lane.MailOut.Tail()))
		lane.Publish()
	}
}

func TestAPeerSleepsAndIsWokenHoweverTheBellsAreShared(t *testing.T) {
	for _, features := range []uint64{0, link.PipeDoorbell, link.StreamDoorbell, link.PipeDoorbell | link.StreamDoorbell} {
		t.Run(fmt.Sprintf("features %#x", features), func(t *testing.T) {
			h, peer := attachInProcess(t, features|link.MailOutlivesPeer, 3)
			if peer.Name() != "fake" || peer.Schema() != "a schema" || peer.Incarnation() != 4 {
				t.Errorf("%q %q %d", peer.Name(), peer.Schema(), peer.Incarnation())
			}
			ran := make(chan error, 1)
			go func() {
				ran <- peer.Run(context.Background(), func(m *Message) error {
					to := Mailbox{peer, uint64(m.Payload()[0])<<52 | 7} // of another lane than the one it came from
					return errors.Join(m.Reply(conformanceGet{}), to.TrySend(conformanceGet{}))
				})
			}()
			const rounds = 60
			start := time.Now()
			for i := 0; i < rounds; i++ {
				lane := h.lanes[i%3]
				put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: 1, Correlation: uint32(i) + 1, Target: 2, Sender: 3},
					[]byte{byte((i + 1) % 3)})
				lane.Publish()
				head, _ := take(t, lane, &lane.ControlIn)
				if head != (ring.Head{Kind: ring.Reply, Type: conformance.GetType, Correlation: uint32(i) + 1, Target: 3, Sender: 2}) {
					t.Fatalf("reply %+v", head)
				}
				other := h.lanes[(i+1)%3]
				if head, _ := take(t, other, &other.MailIn); head.Target>>52 != uint64((i+1)%3) {
					t.Fatalf("mail %+v", head)
				}
				if i%3 == 0 {
					time.Sleep(2 * time.Millisecond) // the peer goes to sleep
				}
			}
			if took := time.Since(start); took > rounds*50*time.Millisecond {
				t.Errorf("it took %v: the peer slept until its net caught it", took)
			}
			h.stop()
			if err := <-ran; err != nil {
				t.Error(err)
			}
			counters := peer.Counters()
			if counters.Received != rounds || counters.Sent != rounds || counters.Sleeps == 0 || counters.LostWakeups != 0 {
				t.Errorf("%+v", counters)
			}
			if err := peer.Close(); err != nil {
				t.Error(err)
			}
			if goodbye, err := h.stream.Receive(); err != nil || goodbye.Kind != link.KindGoodbye {
				t.Error(goodbye.Kind, err)
			}
		})
	}
}

// conformanceGet is an empty message that takes no memory.
type conformanceGet struct{}

func (conformanceGet) RingmailType() uint32 { return conformance.GetType }
func (conformanceGet) RingmailSize() int    { return 0 }
func (conformanceGet) RingmailPut([]byte)   {}

func TestAHostThatSharesNoBellsIsRungOnTheStream(t *testing.T) {
	h, peer := attachInProcess(t, link.StreamDoorbell, 2)
	h.parked(1, 1<<2|1)
	for i := 0; i < 3; i++ { // once for one sleep
		if err := errors.Join((Mailbox{peer, 1<<52 | 5}).TrySend(conformanceGet{}), peer.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	h.parked(0, 9<<2|1)
	if err := errors.Join((Mailbox{peer, 5}).TrySend(conformanceGet{}), peer.Flush(), peer.Close()); err != nil {
		t.Fatal(err)
	}
	for _, lane := range []uint32{1, 0} {
		frame, err := h.stream.Receive()
		if err != nil || frame.Kind != link.KindRing || binary.LittleEndian.Uint32(frame.Payload) != lane {
			t.Fatal(frame, err)
		}
	}
	if frame, err := h.stream.Receive(); err == nil {
		t.Errorf("a %v came after that", frame.Kind)
	}
}

// parked shows a park word of the host's.
func (h *fakeHost) parked(lane uint64, word uint32) {
	binary.LittleEndian.PutUint32(h.mirrors[lane*128:], word)
}

func TestNothingIsSeenBeforeItIsPublished(t *testing.T) {
	h, peer := attachInProcess(t, 0, 1)
	lane := h.lanes[0]
	put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: 1, Correlation: 1}, nil)
	lane.Publish()
	m, err := peer.Receive(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	to := Mailbox{peer, 5}
	if err := errors.Join(to.TrySend(conformanceGet{}), to.TrySend(conformanceGet{}), m.Reply(conformanceGet{})); err != nil {
		t.Fatal(err)
	}
	if lane.HasMail() || !lane.ControlIn.Empty() {
		t.Error("what was sent is seen before the message is released")
	}
	if _, err := peer.Receive(context.Background()); !errors.Is(err, ErrMisuse) {
		t.Error(err)
	}
	if err := m.Release(); err != nil {
		t.Error(err)
	}
	take(t, lane, &lane.MailIn)
	take(t, lane, &lane.MailIn)
	take(t, lane, &lane.ControlIn)
	peer.Close()
}

func TestAPingIsAnsweredAndADeadContextStillReceives(t *testing.T) {
	h, peer := attachInProcess(t, link.PipeDoorbell, 1)
	done, cancel := context.WithCancel(context.Background())
	cancel()
	lane := h.lanes[0]
	put(&lane.ControlOut, ring.Head{Kind: ring.Ping, Correlation: 6}, nil)
	put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: 1}, nil)
	lane.Publish()
	m, err := peer.Receive(done)
	if err != nil {
		t.Fatal(err)
	}
	if head, _ := take(t, lane, &lane.ControlIn); head.Kind != ring.Pong || head.Correlation != 6 {
		t.Errorf("%+v", head)
	}
	m.Release()
	if _, err := peer.Receive(done); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	peer.Close()
}

func TestWhatAHostMayNotWriteEndsTheLink(t *testing.T) {
	for want, write := range map[string]func(*ring.Lane){
		"a stop came without a position":  func(l *ring.Lane) { put(&l.ControlOut, ring.Head{Kind: ring.Stop}, make([]byte, 7)) },
		"mail came on a control ring":     func(l *ring.Lane) { put(&l.ControlOut, ring.Head{Kind: ring.Message}, nil) },
		"a system frame came as mail":     func(l *ring.Lane) { put(&l.MailOut, ring.Head{Kind: ring.Signal}, nil) },
		"a frame has an unknown kind":     func(l *ring.Lane) { put(&l.MailOut, ring.Head{Kind: 0x100}, nil) },
		"host broke the protocol: a stop": func(l *ring.Lane) { put(&l.ControlOut, ring.Head{Kind: ring.Stop}, nil) },
	} {
		h, peer := attachInProcess(t, 0, 1)
		write(h.lanes[0])
		h.lanes[0].Publish()
		endsTheLink(t, h, peer, func(*Message) error { return nil }, want)
	}
}

// endsTheLink runs a peer whose host has broken the protocol. It says so, to the host as well.
func endsTheLink(t *testing.T, h *fakeHost, peer *Peer, handler func(*Message) error, want string) {
	t.Helper()
	err := peer.Run(context.Background(), handler)
	var protocol *ProtocolError
	if !errors.As(err, &protocol) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, not %q", err, want)
	}
	if failure, err := h.stream.Receive(); err != nil || failure.Kind != link.KindFailure {
		t.Error(failure.Kind, err)
	}
}

func TestSegmentsThatCannotBeTrustedAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(h *fakeHost){
		"segment mail: it has the seals 0x6 and needs 0x17":  func(h *fakeHost) { h.seals[link.RoleMail] = 2 | 4 },
		"segment peer: it has the seals 0x0 and needs 0x6":   func(h *fakeHost) { h.seals[link.RolePeer] = 0 },
		"segment host_bells: it has the seals 0x6 and needs": func(h *fakeHost) { h.seals[link.RoleHostBells] = 6 },
		"4096 were announced, and 8192 are due":              func(h *fakeHost) { h.bytes[link.RolePeerBells] = 4096 },
		"segment host of 5 bytes, not whole pages":           func(h *fakeHost) { h.bytes[link.RoleHost] = 5 },
		"4 descriptors came for 5 segments":                  func(h *fakeHost) { h.forget = link.RoleHost },
		"the host has 300 lanes":                             func(h *fakeHost) { h.layout.Lanes = 300 },
		"features that were not offered: 0x2":                func(h *fakeHost) { h.features = link.AsymmetricBarrier },
	} {
		refusesWelcome(t, 0, 1, spoil, want)
	}
}

// refusesWelcome has a peer attach to a host whose welcome is spoiled. It does not, and the host is told.
func refusesWelcome(t *testing.T, features uint64, lanes uint32, spoil func(h *fakeHost), want string) {
	t.Helper()
	h, socket := newFakeHost(t, features, lanes)
	spoil(h)
	welcomed := make(chan error, 1)
	go func() { welcomed <- h.welcome() }()
	_, err := Attach(context.Background(), Options{Socket: socket})
	if err := <-welcomed; err != nil {
		t.Fatal(err)
	}
	var refused *RefusedError
	if !errors.As(err, &refused) || !refused.ByPeer || refused.Code != link.BadSegment || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, and not %q", err, want)
	}
	if frame, err := h.stream.Receive(); err != nil || frame.Kind != link.KindRefused {
		t.Error(frame.Kind, err)
	}
}

func TestAHandshakeEndsInTime(t *testing.T) {
	_, socket := newFakeHost(t, 0, 1)
	_, err := Attach(context.Background(), Options{Socket: socket, Timeout: 20 * time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(err.Error(), "the host did not answer the hello in time") {
		t.Error(err)
	}
	_, socket = newFakeHost(t, 0, 1)
	soon, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := Attach(soon, Options{Socket: socket}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	h, socket := newFakeHost(t, 0, 1)
	h.stream.Close()
	if _, err := Attach(context.Background(), Options{Socket: socket}); err == nil {
		t.Error("a host that is gone is joined")
	}
	_, socket = newFakeHost(t, 0, 1)
	if _, err := Attach(context.Background(), Options{Socket: socket, RingBytes: 5000}); err == nil ||
		err.Error() != "a ring of 5000 bytes: it must be a power of two from 4096 to 1073741824" {
		t.Error(err)
	}
}

func TestReceivingAndAnsweringAllocatesNothing(t *testing.T) {
	peer, lane := benchLink()
	ctx := context.Background()
	tick := make([]byte, conformance.TickSize)
	handle := conformance.HandlePeer(silent{to: Mailbox{peer, 5}})
	for what, round := range map[string]func(){
		"in place": func() {
			put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: conformance.TickType, Correlation: 1}, tick)
			lane.Publish()
			m, err := peer.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			room, err := m.ReplyRoom(conformance.TickType, conformance.TickSize)
			if err != nil {
				t.Fatal(err)
			}
			copy(room, m.Payload())
			if m.Publish() != nil || m.Release() != nil {
				t.Fatal("cannot publish")
			}
			take(t, lane, &lane.ControlIn)
		},
		"generated": func() {
			put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: conformance.GetType, Correlation: 1}, nil)
			put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: conformance.TickType}, tick)
			lane.Publish()
			for i := 0; i < 2; i++ {
				m, err := peer.Receive(ctx)
				if err != nil || handle(m) != nil || m.Release() != nil {
					t.Fatal("cannot handle", err)
				}
			}
			take(t, lane, &lane.ControlIn)
			take(t, lane, &lane.MailIn)
		},
	} {
		if allocations := testing.AllocsPerRun(1000, round) - takes(what); allocations != 0 {
			t.Errorf("%s: %v allocations", what, allocations)
		}
	}
}

// takes is what the test itself allocates a round: the copy of each payload that is not empty.
func takes(what string) float64 {
	if what == "in place" {
		return 1
	}
	return 2
}

// silent replies the Sum 1, and sends on each Tick.
type silent struct{ to Mailbox }

func (s silent) Tick(_ *Message, tick conformance.TickView) (conformance.Tick, error) {
	return conformance.Tick{}, s.to.Send(context.Background(), tick)
}
func (silent) Bulk(*Message, conformance.BulkView) (conformance.Bulk, error) {
	return conformance.Bulk{}, nil
}
func (silent) Ping(*Message, conformance.PingView) (conformance.Ping, error) {
	return conformance.Ping{}, nil
}
func (silent) Note(*Message, conformance.NoteView) (conformance.Note, error) {
	return conformance.Note{}, nil
}
func (silent) Get(*Message, conformance.GetView) (conformance.Sum, error) {
	return conformance.Sum{Count: 1}, nil
}
func (silent) Fail(*Message, conformance.FailView) error     { return nil }
func (silent) Stream(*Message, conformance.StreamView) error { return nil }
