package ringmail

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"reflect"
	"testing"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

// welcomed is a peer in this process, and the host's end of its lane.
func welcomed(t *testing.T, features uint64) (*fakeHost, *Peer, *ring.Lane) {
	t.Helper()
	h, socket := newFakeHost(t, features, 1)
	answered := make(chan error, 1)
	go func() { answered <- h.welcome() }()
	peer, err := Attach(context.Background(), Options{Socket: socket})
	if err := errors.Join(err, <-answered); err != nil {
		t.Fatal(err)
	}
	if ready, err := h.stream.Receive(); err != nil || ready.Kind != link.KindReady {
		t.Fatal(ready.Kind, err)
	}
	return h, peer, h.lanes[0]
}

func reasonOf(kind ExitKind, text string) []byte {
	bytes := binary.LittleEndian.AppendUint32(nil, uint32(kind))
	bytes = binary.LittleEndian.AppendUint64(bytes, 0)
	return append(binary.LittleEndian.AppendUint32(bytes, uint32(len(text))), text...)
}

func downOf(number uint64) ring.Head {
	return ring.Head{Kind: ring.Signal, Type: signalDown, Target: number, Sender: 5}
}

// next is the frame that the peer has published.
func next(t *testing.T, lane *ring.Lane) ring.Frame {
	t.Helper()
	frame, ok := lane.MailIn.Peek()
	if !ok {
		t.Fatal("the peer has published nothing")
	}
	lane.MailIn.Advance()
	return frame
}

func TestADownIsToldOnceAndInItsPlace(t *testing.T) {
	_, peer, lane := welcomed(t, link.Monitors)
	ctx := context.Background()
	whom := Mailbox{peer, 5}
	var told []Down
	tell := func(down Down) error {
		told = append(told, down)
		return nil
	}
	kept, err := whom.Monitor(ctx, tell)
	if err != nil {
		t.Fatal(err)
	}
	stopped, err := whom.Monitor(ctx, tell)
	if err := errors.Join(err, stopped.Stop(ctx), peer.Flush()); err != nil {
		t.Fatal(err)
	}
	if err := stopped.Stop(ctx); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	for i, signal := range []uint32{signalMonitor, signalMonitor, signalDemonitor} {
		number := []uint64{kept.number, stopped.number, stopped.number}[i]
		want := ring.Head{Kind: ring.Signal, Type: signal, Target: 5, Sender: number}
		if frame := next(t, lane); frame.Head != want {
			t.Errorf("%d: %+v", i, frame)
		}
	}
	put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: 1}, nil)
	put(&lane.MailOut, downOf(stopped.number), reasonOf(ExitNormal, "ended normally"))
	put(&lane.MailOut, downOf(kept.number), reasonOf(ExitFailed, "failed: it"))
	put(&lane.MailOut, downOf(kept.number), reasonOf(ExitFailed, "failed: again"))
	put(&lane.MailOut, ring.Head{Kind: ring.Message, Type: 2}, nil)
	lane.Publish()
	for typeID := uint32(1); typeID <= 2; typeID++ {
		m, err := peer.Receive(ctx)
		if err != nil || m.Type() != typeID || len(told) != int(typeID)-1 {
			t.Fatal(err, told)
		}
		if err := m.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if want := []Down{{whom, ExitFailed, "failed: it"}}; !reflect.DeepEqual(told, want) {
		t.Error(told)
	}
}

func TestWhatIsToldOfADownMayFail(t *testing.T) {
	h, peer, lane := welcomed(t, link.Monitors)
	monitor, err := Mailbox{peer, 5}.Monitor(context.Background(), func(down Down) error {
		return errors.New("not " + down.Reason)
	})
	if err != nil {
		t.Fatal(err)
	}
	put(&lane.MailOut, downOf(monitor.number), reasonOf(ExitFailed, "failed: it"))
	lane.Publish()
	var failure *HandlerError
	if err := peer.Run(context.Background(), nil); !errors.As(err, &failure) || err.Error() != "not failed: it" {
		t.Error(err)
	}
	if frame, err := h.stream.Receive(); err != nil || frame.Kind != link.KindFailure {
		t.Error(frame.Kind, err)
	}
}

func TestMonitorsAreBoundedAndMayBeMissing(t *testing.T) {
	_, peer, lane := welcomed(t, 0)
	none := func(Down) error { return nil }
	if _, err := (Mailbox{peer, 5}).Monitor(context.Background(), none); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	if err := peer.Log(slog.LevelInfo, "line"); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	_, peer, lane = welcomed(t, link.Monitors)
	for i := 0; i < mostMonitors; i++ {
		if _, err := (Mailbox{peer, 5}).Monitor(context.Background(), none); err != nil {
			t.Fatal(err)
		}
		if err := peer.Flush(); err != nil {
			t.Fatal(err)
		}
		next(t, lane)
		lane.StoreCursors()
	}
	if _, err := (Mailbox{peer, 5}).Monitor(context.Background(), none); !errors.Is(err, ErrMisuse) {
		t.Error(err)
	}
	put(&lane.MailOut, downOf(77), []byte("short"))
	lane.Publish()
	var protocol *ProtocolError
	if _, err := peer.Receive(context.Background()); !errors.As(err, &protocol) {
		t.Error(err)
	}
}

func TestTheLogGoesToTheHost(t *testing.T) {
	h, peer, _ := welcomed(t, link.Log)
	logger := slog.New(peer.LogHandler(LevelTrace)).With("flight", 7).WithGroup("gate")
	logger.Debug("late", "minutes", 5)
	logger.Log(context.Background(), LevelCritical, "two\nlines")
	slog.New(peer.LogHandler(nil)).Debug("too little")
	if err := peer.Log(LevelTrace, "a\x00b\xff"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\x01late flight=7 gate.minutes=5", "\x05two\nlines flight=7", "\x00a?b?",
	} {
		frame, err := h.stream.Receive()
		got := string(frame.Payload)
		if err != nil || frame.Kind != link.KindLog || got[:1]+got[5:] != want {
			t.Errorf("%v: %q, not %q", err, got, want)
		}
	}
}
