package ringmail

// What a peer may not say to the process that it attaches to, and what that answers.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

func listens(t *testing.T) (*Listener, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "private", "at")
	listener, err := Listen(Options{Path: path, Name: "listens", RingBytes: 1 << 14})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener, path
}

func dial(t *testing.T, path string) *link.Stream {
	t.Helper()
	socket, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stream := link.NewStream(socket)
	t.Cleanup(func() { stream.Close() })
	if err := stream.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil { // a watchdog
		t.Fatal(err)
	}
	return stream
}

// refused is what the stream says before it ends.
func refused(t *testing.T, stream *link.Stream) string {
	t.Helper()
	frame, err := stream.Receive()
	if err != nil || frame.Kind != link.KindRefused {
		t.Fatal(frame.Kind, err)
	}
	code, text, err := link.DecodeRefused(frame.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if more, err := stream.Receive(); err == nil {
		t.Errorf("a %v came after a refusal", more.Kind)
	}
	return code.String() + ": " + text
}

var goodHello = link.Hello{Features: link.StreamDoorbell, Language: "test", Name: "hostile"}

func helloWith(t *testing.T, change func(*link.Hello)) []byte {
	t.Helper()
	hello := goodHello
	change(&hello)
	bytes, err := hello.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func TestWhatIsNoHelloIsRefused(t *testing.T) {
	_, path := listens(t)
	good := helloWith(t, func(*link.Hello) {})
	changed := func(at int, value byte) []byte {
		bytes := append([]byte(nil), good...)
		bytes[at] = value
		return bytes
	}
	for want, send := range map[string]func(*link.Stream) error{
		"not a ringmail peer: hello: magic is 0x314c4d00, not 0x314c4d52": func(s *link.Stream) error {
			return s.Send(link.KindHello, changed(0, 0))
		},
		"malformed handshake: hello: ends inside magic":                     func(s *link.Stream) error { return s.Send(link.KindHello, nil) },
		"malformed handshake: hello: version_min cannot be 0":               func(s *link.Stream) error { return s.Send(link.KindHello, changed(4, 0)) },
		"malformed handshake: hello: version_max cannot be 0":               func(s *link.Stream) error { return s.Send(link.KindHello, changed(6, 0)) },
		"malformed handshake: hello: 1 bytes too many":                      func(s *link.Stream) error { return s.Send(link.KindHello, append(good, 0)) },
		"malformed handshake: hello was due, and ready came":                func(s *link.Stream) error { return s.Send(link.KindReady, nil) },
		"malformed handshake: hello: language is empty, not UTF-8, or hold": func(s *link.Stream) error { return s.Send(link.KindHello, changed(32, 1)) },
		"malformed handshake: not a control frame: the bytes":               func(s *link.Stream) error { return s.Send(99, nil) },
		"malformed handshake: a file descriptor came on the control stream where none is accepted": func(s *link.Stream) error {
			return s.SendWith(link.KindHello, good, []int{0})
		},
		"a feature is missing: the peer lacks what this host insists on: stream_doorbell": func(s *link.Stream) error {
			return s.Send(link.KindHello, helloWith(t, func(h *link.Hello) { h.Features = link.Offered &^ link.StreamDoorbell }))
		},
		"impossible ring size: the peer wants rings of 32768 bytes; a ring is a power of two from 4096 to 16384": func(s *link.Stream) error {
			return s.Send(link.KindHello, helloWith(t, func(h *link.Hello) { h.WantedRingBytes = 1 << 15 }))
		},
		"no version in common: the peer speaks 2 to 3, this host speaks 1 to 1": func(s *link.Stream) error {
			later := append(append([]byte(nil), good...), 1, 2, 3) // of what a later version appends
			later[4], later[6] = 2, 3
			return s.Send(link.KindHello, later)
		},
		"too slow: the handshake took too long": func(*link.Stream) error { return nil },
	} {
		stream := dial(t, path)
		if err := send(stream); err != nil {
			t.Fatal(err)
		}
		if text := refused(t, stream); !strings.HasPrefix(text, want) {
			t.Errorf("%q, and not %q", text, want)
		}
	}
}

// joined has shaken hands as a peer, up to the ready.
func joined(t *testing.T, path string, hello link.Hello) (*link.Stream, link.Welcome, link.Mapped) {
	t.Helper()
	stream := dial(t, path)
	joined, err := link.Join(stream, hello)
	if err != nil {
		t.Fatal(err)
	}
	return stream, joined.Welcome, joined.Mapped
}

func TestWhoIsWelcomeAndNotReadyIsForgotten(t *testing.T) {
	listener, path := listens(t)
	for want, end := range map[string]func(*link.Stream) error{
		"malformed handshake: ready was due, and goodbye came": func(s *link.Stream) error { return s.Send(link.KindGoodbye, nil) },
		"malformed handshake: ready: 1 bytes too many":         func(s *link.Stream) error { return s.Send(link.KindReady, []byte{1}) },
		"":                                      func(s *link.Stream) error { return s.Send(link.KindRefused, link.EncodeRefused(link.BadSegment, "no")) },
		"too slow: the handshake took too long": func(*link.Stream) error { return nil },
	} {
		stream, _, _ := joined(t, path, goodHello)
		if err := end(stream); err != nil {
			t.Fatal(err)
		}
		if want == "" {
			if frame, err := stream.Receive(); err == nil {
				t.Errorf("a %v came", frame.Kind)
			}
		} else if text := refused(t, stream); text != want {
			t.Errorf("%q, and not %q", text, want)
		}
	}
	stream, welcome, _ := joined(t, path, goodHello) // the name is free
	if welcome.Incarnation != 5 || welcome.Features != link.StreamDoorbell || welcome.Name != "hostile" {
		t.Errorf("%+v", welcome)
	}
	if err := stream.Send(link.KindReady, nil); err != nil {
		t.Fatal(err)
	}
	if peer, err := listener.Accept(context.Background()); err != nil || peer.Close() != nil {
		t.Error(err)
	}
}

func TestNobodyHoldsMoreThanSoManyHandshakes(t *testing.T) {
	_, path := listens(t)
	var streams []*link.Stream
	for i := 0; i <= mostHalfOpen; i++ {
		streams = append(streams, dial(t, path))
	}
	if text := refused(t, streams[0]); text != "busy: too many processes have not said hello yet" && !strings.HasPrefix(text, "too slow") {
		t.Error(text)
	}
	// The newest may go on.
	if err := streams[mostHalfOpen].Send(link.KindHello, helloWith(t, func(*link.Hello) {})); err != nil {
		t.Fatal(err)
	}
	if frame, err := streams[mostHalfOpen].Receive(); err != nil || frame.Kind != link.KindWelcome {
		t.Errorf("%v %q %v", frame.Kind, frame.Payload, err)
	}
}

func TestMailInARingOfAnotherSizeIsNotTakenUp(t *testing.T) {
	listener, path := listens(t)
	stream, _, _ := joined(t, path, goodHello)
	if err := stream.Send(link.KindReady, nil); err != nil {
		t.Fatal(err)
	}
	peer, err := listener.Accept(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(peer.Other().TrySend(conformanceGet{}), peer.Close()); err != nil {
		t.Error(err)
	}
	if counters := listener.Counters(); counters.Waiting != 1 {
		t.Errorf("%+v", counters)
	}
	stream = dial(t, path)
	if err := stream.Send(link.KindHello, helloWith(t, func(h *link.Hello) { h.WantedRingBytes = 4096 })); err != nil {
		t.Fatal(err)
	}
	if text := refused(t, stream); text !=
		"impossible ring size: the peer wants rings of 4096 bytes, and its mail waits in one of 16384" {
		t.Error(text)
	}
	if counters := listener.Counters(); counters.Waiting != 1 {
		t.Errorf("%+v", counters)
	}
}

func TestTheMailOfSoManyNamesIsKept(t *testing.T) {
	listener, path := listens(t)
	for i := 0; i < mostNames+3; i++ {
		hello := goodHello
		hello.Name = fmt.Sprint("peer ", i)
		stream, _, _ := joined(t, path, hello)
		if err := stream.Send(link.KindReady, nil); err != nil {
			t.Fatal(err)
		}
		peer, err := listener.Accept(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if i != 1 { // that one waits for nothing, and goes first
			err = peer.Other().TrySend(conformanceGet{})
		}
		if err := errors.Join(err, peer.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if counters := listener.Counters(); counters != (ListenerCounters{Waiting: mostNames, GivenUp: 2}) {
		t.Errorf("%+v", counters)
	}
}

// attached is a peer of this process as a test plays it: its end of the lane.
func attached(t *testing.T) (*Peer, *ring.Lane, *link.Stream) {
	t.Helper()
	listener, path := listens(t)
	stream, welcome, mapped := joined(t, path, goodHello)
	lane := welcome.Layout.PeerLane(mapped.Segments, 0, func() { _ = stream.Send(link.KindRing, link.EncodeRing(0)) })
	if err := stream.Send(link.KindReady, nil); err != nil {
		t.Fatal(err)
	}
	peer, err := listener.Accept(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	return peer, lane, stream
}

func TestWhatAnAttachedPeerMayNotWriteEndsTheLink(t *testing.T) {
	for want, write := range map[string]func(*ring.Lane){
		"a system frame came as mail":                            func(l *ring.Lane) { put(&l.MailOut, ring.Head{Kind: ring.Signal, Type: 4}, nil) },
		"a message with a body does not say where it is":         func(l *ring.Lane) { put(&l.MailOut, ring.Head{Kind: ring.Large}, bodyAt(0, 1, 0, 1)) },
		"mail came on a control ring":                            func(l *ring.Lane) { put(&l.ControlOut, ring.Head{Kind: ring.Message}, nil) },
		"a stop came that only a host says":                      func(l *ring.Lane) { put(&l.ControlOut, ring.Head{Kind: ring.Stop}, make([]byte, 8)) },
		"a frame has an unknown kind":                            func(l *ring.Lane) { put(&l.MailOut, ring.Head{Kind: 0x100}, nil) },
		"the peer broke the protocol: a frame has an unknown ki": func(l *ring.Lane) { put(&l.ControlOut, ring.Head{Kind: 0x100}, nil) },
	} {
		peer, lane, stream := attached(t)
		ran := make(chan error, 1)
		go func() { ran <- peer.Run(context.Background(), func(*Message) error { return nil }) }()
		write(lane)
		lane.Publish()
		var protocol *ProtocolError
		if err := <-ran; !errors.As(err, &protocol) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
		if frame, err := stream.Receive(); err == nil {
			t.Errorf("a %v came, and not the end", frame.Kind)
		}
	}
}

func TestADescriptorFromAnAttachedPeerEndsTheLink(t *testing.T) {
	peer, _, stream := attached(t)
	if err := stream.SendWith(link.KindResolve, link.EncodeResolve(1, "listens"), []int{0}); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Receive(context.Background()); !errors.Is(err, ErrPeerGone) {
		t.Error(err)
	}
}

func TestAnImpossibleCursorOfAnAttachedPeerEndsTheLinkAndLosesNothing(t *testing.T) {
	listener, path := listens(t)
	stream, _, mapped := joined(t, path, goodHello)
	if err := stream.Send(link.KindReady, nil); err != nil {
		t.Fatal(err)
	}
	peer, err := listener.Accept(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	sent := uint64(0)
	for peer.Other().TrySend(conformanceGet{}) == nil {
		sent++
	}
	binary.LittleEndian.PutUint64(mapped.Peer.Bytes(), 1<<20)
	var protocol *ProtocolError
	if err := peer.Other().Send(context.Background(), conformanceGet{}); !errors.As(err, &protocol) {
		t.Error(err)
	}
	if err := peer.Close(); err != nil {
		t.Error(err)
	}
	if counters := listener.Counters(); counters.Waiting != sent {
		t.Errorf("%+v, and %d were sent", counters, sent)
	}
}

func TestWhatAListenerSharesIsSealed(t *testing.T) {
	_, path := listens(t)
	stream := dial(t, path)
	if err := stream.Send(link.KindHello, helloWith(t, func(h *link.Hello) { h.Features |= link.PipeDoorbell })); err != nil {
		t.Fatal(err)
	}
	frame, err := stream.Receive()
	if err != nil || frame.Kind != link.KindWelcome {
		t.Fatal(frame.Kind, err)
	}
	welcome, err := link.DecodeWelcome(frame.Payload)
	if err != nil || len(frame.Descriptors) != 6 || welcome.Check(goodHello.Features|link.PipeDoorbell) != nil ||
		welcome.HostPID != uint32(os.Getpid()) {
		t.Fatal(err, welcome)
	}
	defer frame.Close()
	for i, segment := range welcome.Segments {
		writable, err := syscall.Mmap(frame.Descriptors[i], 0, 4096, syscall.PROT_WRITE, syscall.MAP_SHARED)
		mayWrite := segment.Role == link.RolePeer || segment.Role == link.RolePeerBells
		if (err == nil) != mayWrite {
			t.Errorf("%v: %v", segment.Role, err)
		}
		if err == nil {
			syscall.Munmap(writable)
		}
	}
	// After ready nobody can map what the peer writes, as nobody can what the listener does.
	if err := stream.Send(link.KindReady, nil); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		writable, err := syscall.Mmap(frame.Descriptors[2], 0, 4096, syscall.PROT_WRITE, syscall.MAP_SHARED)
		if err != nil {
			break
		}
		syscall.Munmap(writable)
		if time.Now().After(limit) {
			t.Fatal("the peer's segment is not sealed")
		}
	}
}
