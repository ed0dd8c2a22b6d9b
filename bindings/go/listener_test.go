package ringmail_test

// Two processes without a system: one listens, the other attaches by the path.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringmail.dev/ringmail"
	"ringmail.dev/ringmail/internal/conformance"
)

func init() {
	// Sends everything back to the listener's name, and answers asks with the same.
	peers["echoesAtPath"] = func() {
		options := ringmail.Options{Path: os.Getenv("RINGMAIL_TEST_PATH"), Name: os.Getenv("RINGMAIL_TEST_NAME"), Schema: "theirs"}
		ringmail.Main(options, func(ctx context.Context, peer *ringmail.Peer) error {
			host, err := peer.Lookup(ctx, "listens")
			if err != nil {
				return err
			}
			return peer.Run(ctx, func(m *ringmail.Message) error {
				switch {
				case m.Type() == conformance.FailType:
					return errors.New("not today")
				case m.Asked():
					return m.Reply(tickOf(m))
				}
				if m.Redelivered() {
					fmt.Println("redelivered", tickOf(m).Number(), m.Attempt())
				}
				return host.Send(ctx, tickOf(m))
			})
		})
	}
	// Dies, and leaves a child that holds the stream open.
	peers["leavesChild"] = func() {
		connection, err := net.Dial("unix", os.Getenv("RINGMAIL_TEST_PATH"))
		if err != nil {
			panic(err)
		}
		socket := connection.(*net.UnixConn)
		held, err := socket.File()
		if err != nil {
			panic(err)
		}
		ctx := context.Background()
		peer, err := ringmail.Attach(ctx, ringmail.Options{Socket: socket, Name: "parent"})
		if err != nil {
			panic(err)
		}
		child := exec.Command("sleep", "600")
		child.ExtraFiles = []*os.File{held}
		if err := child.Start(); err != nil {
			panic(err)
		}
		host, err := peer.Lookup(ctx, "listens")
		if err == nil {
			err = errors.Join(host.Send(ctx, &conformance.Sum{Count: uint64(child.Process.Pid)}), peer.Flush())
		}
		if err != nil {
			panic(err)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func listenAt(t *testing.T, options ringmail.Options) (*ringmail.Listener, string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "private")
	options.Path, options.Name = filepath.Join(folder, "at"), "listens"
	listener, err := ringmail.Listen(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener, options.Path
}

// patient is a watchdog, not a measure.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

func accept(t *testing.T, listener *ringmail.Listener) *ringmail.Peer {
	t.Helper()
	peer, err := listener.Accept(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	return peer
}

// startAt starts a peer of this program in a process of its own.
func startAt(t *testing.T, path, which, name string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "RINGMAIL_TEST_PEER="+which, "RINGMAIL_TEST_PATH="+path, "RINGMAIL_TEST_NAME="+name)
	out := new(bytes.Buffer)
	command.Stdout, command.Stderr = out, out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	return command, out
}

func receive(t *testing.T, peer *ringmail.Peer) *ringmail.Message {
	t.Helper()
	m, err := peer.Receive(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAPeerInAnotherProcessAttachesIsAskedSentToAndStopped(t *testing.T) {
	ctx := patient(t)
	listener, path := listenAt(t, ringmail.Options{Schema: "ours"})
	command, out := startAt(t, path, "echoesAtPath", "child")
	peer := accept(t, listener)
	if peer.Name() != "child" || peer.Schema() != "theirs" || peer.Incarnation() != 1 || listener.Name() != "listens" {
		t.Errorf("%q %q %d", peer.Name(), peer.Schema(), peer.Incarnation())
	}
	other, err := peer.Lookup(ctx, "child")
	if _, wrong := peer.Lookup(ctx, "somebody"); err != nil || other != peer.Other() || !errors.Is(wrong, ringmail.ErrNotFound) {
		t.Error(other, err, wrong)
	}
	for i := uint64(0); i < 100; i++ {
		call, err := other.Ask(ctx, &conformance.Tick{Number: i})
		if err != nil {
			t.Fatal(err)
		}
		reply, err := call.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if tick, err := conformance.ViewTick(reply.Payload); err != nil || tick.Number() != i {
			t.Fatal(err)
		}
	}
	for i := 0; i < 5; i++ {
		if err := other.Send(ctx, &conformance.Tick{Number: 9}); err != nil {
			t.Fatal(err)
		}
		m := receive(t, peer)
		if m.Sender() != other || tickOf(m).Number() != 9 || m.Asked() {
			t.Error(m.Sender(), tickOf(m).Number())
		}
		if err := m.Release(); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Millisecond) // longer than anybody spins
	}
	if counters := peer.Counters(); counters.LostWakeups != 0 || counters.Sent != 105 || counters.Received != 5 {
		t.Errorf("%+v", counters)
	}
	if err := other.Send(ctx, &conformance.Tick{Number: 10}); err != nil {
		t.Error(err)
	}
	if err := peer.Stop(ctx); err != nil {
		t.Error(err)
	}
	if m := receive(t, peer); tickOf(m).Number() != 10 || m.Release() != nil { // sent before the stop
		t.Error(tickOf(m).Number())
	}
	if _, err := peer.Receive(ctx); !errors.Is(err, ringmail.ErrPeerGone) {
		t.Error(err)
	}
	if err := other.TrySend(&conformance.Tick{}); !errors.Is(err, ringmail.ErrPeerGone) {
		t.Error(err)
	}
	if err := command.Wait(); err != nil || out.Len() != 0 {
		t.Error(err, out)
	}
	if err := errors.Join(peer.Close(), peer.Close()); err != nil {
		t.Error(err)
	}
	if _, err := peer.Receive(ctx); !errors.Is(err, ringmail.ErrPeerGone) {
		t.Error(err)
	}
	if counters := listener.Counters(); counters != (ringmail.ListenerCounters{}) {
		t.Errorf("%+v", counters)
	}
}

func TestNothingIsLostWhenAnAttachedPeerIsKilledInMidStream(t *testing.T) {
	ctx := patient(t)
	listener, path := listenAt(t, ringmail.Options{RingBytes: 1 << 14})
	const count = 2000
	var sent, back, repeated uint64
	for life := uint64(1); back < count; life++ {
		command, out := startAt(t, path, "echoesAtPath", "child")
		peer := accept(t, listener)
		if peer.Incarnation() != life {
			t.Errorf("%d, and not %d", peer.Incarnation(), life)
		}
		for killed := false; back < count; {
			for sent < count && peer.Other().TrySend(&conformance.Tick{Number: sent}) == nil {
				sent++
			}
			m, err := peer.Receive(ctx)
			if errors.Is(err, ringmail.ErrPeerGone) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch number := tickOf(m).Number(); {
			case number > back:
				t.Fatalf("%d was due, and %d came", back, number)
			case number == back:
				back++
			default:
				repeated++
			}
			if err := m.Release(); err != nil {
				t.Fatal(err)
			}
			if !killed && life < 4 && back > life*count/5 {
				killed = true
				command.Process.Kill()
			}
		}
		if back < count {
			waiting := listener.Counters().Waiting
			if waiting == 0 || waiting > sent || peer.Close() != nil {
				t.Errorf("%d of %d wait", waiting, sent)
			}
			continue
		}
		if unfinished := peer.Unfinished(); unfinished > 1 { // the last one is finished as soon as its echo has been published
			t.Errorf("%d are unfinished", unfinished)
		}
		if err := peer.Stop(ctx); err != nil {
			t.Error(err)
		}
		if _, err := peer.Receive(ctx); !errors.Is(err, ringmail.ErrPeerGone) {
			t.Error(err)
		}
		if err := command.Wait(); err != nil {
			t.Error(err, out)
		}
		if life != 4 {
			t.Errorf("%d lives", life)
		}
	}
	t.Logf("%d came again", repeated)
	if counters := listener.Counters(); counters.Waiting+counters.GivenUp != 0 {
		t.Errorf("%+v", counters)
	}
}

// isStopped is whether no thread of the process runs any more.
func isStopped(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatal(err, threads)
	}
	for _, thread := range threads {
		line, _ := os.ReadFile(thread)
		// Behind the name, which is in parentheses.
		if state := string(line[bytes.LastIndexByte(line, ')')+1:]); !strings.HasPrefix(state, " T") {
			return false
		}
	}
	return true
}

func TestTheMailOfAPeerWithoutANameIsGivenUp(t *testing.T) {
	ctx := patient(t)
	listener, path := listenAt(t, ringmail.Options{})
	command, _ := startAt(t, path, "echoesAtPath", "")
	peer := accept(t, listener)
	if err := command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); !isStopped(t, command.Process.Pid); {
		if time.Now().After(deadline) {
			t.Fatal("it does not stop")
		}
		time.Sleep(time.Millisecond)
	}
	const count = 7
	for i := 0; i < count; i++ {
		if err := peer.Other().Send(ctx, &conformance.Tick{}); err != nil {
			t.Fatal(err)
		}
	}
	if unfinished := peer.Unfinished(); unfinished != count {
		t.Errorf("%d are unfinished", unfinished)
	}
	command.Process.Kill()
	if _, err := peer.Receive(ctx); !errors.Is(err, ringmail.ErrPeerGone) {
		t.Error(err)
	}
	if counters := listener.Counters(); counters != (ringmail.ListenerCounters{GivenUp: count}) {
		t.Errorf("%+v", counters)
	}
}

func TestTheLastWordsOfAPeerAreHeardAndTheMessageComesAgain(t *testing.T) {
	ctx := patient(t)
	listener, path := listenAt(t, ringmail.Options{})
	for attempt := 0; attempt < 2; attempt++ {
		startAt(t, path, "echoesAtPath", "child")
		peer := accept(t, listener)
		if attempt == 0 {
			if err := peer.Other().Send(ctx, &conformance.Fail{Code: 1}); err != nil {
				t.Fatal(err)
			}
		}
		_, err := peer.Receive(ctx)
		if !errors.Is(err, ringmail.ErrPeerGone) || !strings.HasPrefix(err.Error(), "the peer has ended: not today\n") {
			t.Error(err)
		}
		if died := strings.Contains(err.Error(), "which 1 earlier processes died with"); died != (attempt == 1) {
			t.Errorf("life %d: %v", attempt, err)
		}
		if waiting := listener.Counters().Waiting; waiting != 1 {
			t.Errorf("%d wait", waiting)
		}
	}
}

func TestADeathIsNoticedWhileAChildHoldsTheStream(t *testing.T) {
	listener, path := listenAt(t, ringmail.Options{})
	startAt(t, path, "leavesChild", "")
	peer := accept(t, listener)
	m := receive(t, peer)
	var child conformance.Sum
	if err := child.UnmarshalBinary(m.Payload()); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(int(child.Count), syscall.SIGKILL)
	if err := m.Release(); err != nil {
		t.Error(err)
	}
	if _, err := peer.Receive(patient(t)); !errors.Is(err, ringmail.ErrPeerGone) {
		t.Error(err)
	}
	select {
	case <-peer.Gone():
	default:
		t.Error("it is not gone")
	}
}

// attachTo is a peer of this very process.
func attachTo(t *testing.T, path, name string) (*ringmail.Peer, error) {
	t.Helper()
	peer, err := ringmail.Attach(patient(t), ringmail.Options{Path: path, Name: name})
	if err == nil {
		t.Cleanup(func() { peer.Close() })
	}
	return peer, err
}

func TestAPeerWithANameIsOneAtATime(t *testing.T) {
	listener, path := listenAt(t, ringmail.Options{})
	first, err := attachTo(t, path, "same")
	if err != nil {
		t.Fatal(err)
	}
	accepted := accept(t, listener)
	_, err = attachTo(t, path, "same")
	var refused *ringmail.RefusedError
	if !errors.As(err, &refused) || refused.Code != 10 || refused.Text != "'same' is connected already" {
		t.Error(err)
	}
	attached := make(chan error)
	go func() {
		_, err := attachTo(t, path, "same")
		attached <- err
	}()
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := accepted.Receive(patient(t)); !errors.Is(err, ringmail.ErrPeerGone) {
		t.Error(err)
	}
	if err := <-attached; err != nil {
		t.Error(err)
	}
	if second := accept(t, listener); second.Incarnation() != 2 {
		t.Error(second.Incarnation())
	}
	for i := 0; i < 2; i++ { // of those without a name there may be many
		if _, err := attachTo(t, path, ""); err != nil {
			t.Error(err)
		}
		accept(t, listener)
	}
}

func TestTheEndOfTheListeningProcessIsThatOfAHost(t *testing.T) {
	listener, path := listenAt(t, ringmail.Options{})
	peer, err := attachTo(t, path, "")
	if err != nil {
		t.Fatal(err)
	}
	accepted := accept(t, listener)
	if err := errors.Join(accepted.Other().TrySend(&conformance.Get{}), accepted.Close()); err != nil {
		t.Error(err)
	}
	m := receive(t, peer) // what it had published is read
	if err := m.Release(); err != nil {
		t.Error(err)
	}
	if _, err := peer.Receive(patient(t)); !errors.Is(err, ringmail.ErrHostGone) {
		t.Error(err)
	}
	if _, err := accepted.Receive(patient(t)); !errors.Is(err, ringmail.ErrClosed) {
		t.Error(err)
	}
}

func TestWhatALinkTookIsGivenBackWhenItIsClosed(t *testing.T) {
	mapped := func() int {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(maps), "memfd:ringmail.")
	}
	opened := func() int {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(open)
	}
	listener, path := listenAt(t, ringmail.Options{})
	maps, files := 0, 0
	for i := 0; i < 4; i++ {
		command, _ := startAt(t, path, "echoesAtPath", "")
		peer := accept(t, listener)
		if err := peer.Stop(patient(t)); err != nil {
			t.Error(err)
		}
		if _, err := peer.Receive(patient(t)); !errors.Is(err, ringmail.ErrPeerGone) {
			t.Error(err)
		}
		if err := errors.Join(peer.Close(), command.Wait()); err != nil {
			t.Error(err)
		}
		if i == 0 {
			maps, files = mapped(), opened()
		}
	}
	// A goroutine that ends may have its descriptor for a moment longer.
	for limit := time.Now().Add(deadline); opened() > files && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	if mapped() != maps || opened() > files {
		t.Errorf("%d maps were %d, %d descriptors were %d", mapped(), maps, opened(), files)
	}
}

func TestWhereNobodyCanListenIsSaid(t *testing.T) {
	listener, path := listenAt(t, ringmail.Options{})
	folder := filepath.Dir(path)
	open := t.TempDir()
	if err := errors.Join(os.Chmod(open, 0o755), os.WriteFile(filepath.Join(folder, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		options ringmail.Options
		want    string
	}{
		{ringmail.Options{Path: path, Name: "n"}, "cannot listen at " + path + ": another host does already"},
		{ringmail.Options{Path: filepath.Join(open, "at"), Name: "n"}, "others may enter " + open + ", which must be of mode 0700"},
		{ringmail.Options{Path: filepath.Join(folder, "file"), Name: "n"}, "there is something that is not a socket"},
		{ringmail.Options{Path: filepath.Join(folder, "file", "at"), Name: "n"}, "file is not a directory"},
		{ringmail.Options{Path: "/" + strings.Repeat("a", 107), Name: "n"}, "the path of a socket has at most 107 bytes"},
		{ringmail.Options{Name: "n"}, "misuse: no path to listen at"},
		{ringmail.Options{Path: path}, `misuse: "" is not a name`},
		{ringmail.Options{Path: path, Name: "n", Schema: "\x00"}, "misuse: the schema is not UTF-8, or holds a control character"},
		{ringmail.Options{Path: path, Name: "n", RingBytes: 5}, "misuse: a ring of 5 bytes: it must be a power of two from 4096 to 1073741824"},
	} {
		if _, err := ringmail.Listen(c.options); err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%v, and not %q", err, c.want)
		}
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("the socket is left:", err)
	}
	if _, err := listener.Accept(patient(t)); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	next, err := ringmail.Listen(ringmail.Options{Path: path, Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	next.Close()
}
