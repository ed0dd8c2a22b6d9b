package ringmail_test

// Messages with bodies, between a peer in a process of its own and a host.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ringmail.dev/ringmail"
	"ringmail.dev/ringmail/internal/conformance"
)

const arenaBytes = 1 << 20

func init() {
	peers["keepsBodies"] = func() {
		var kept []ringmail.Body
		running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
			switch m.Type() {
			case conformance.TickType:
				body := m.Body()
				fmt.Println(tickOf(m).Number(), len(body), body[0], body[len(body)-1], cap(body) == len(body))
				if tickOf(m).Number() == 0 {
					return nil
				}
				one, err := m.Keep()
				if _, again := m.Keep(); !errors.Is(again, ringmail.ErrMisuse) {
					return fmt.Errorf("kept twice: %w", again)
				}
				kept = append(kept, one)
				return err
			case conformance.PingType:
				_, err := m.Keep()
				fmt.Println(m.Body() == nil, err)
				for _, body := range kept {
					fmt.Println(body.Bytes()[0], len(body.Bytes()))
				}
			case conformance.GetType: // gives back the oldest
				released := make(chan error)
				go func() { released <- kept[0].Release() }()
				err := <-released
				if again := kept[0].Release(); !errors.Is(again, ringmail.ErrMisuse) {
					return fmt.Errorf("given back twice: %w", again)
				}
				kept = kept[1:]
				return errors.Join(err, m.Reply(&conformance.Sum{}))
			}
			return nil
		})()
	}
	peers["usesReleased"] = running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		body, err := m.Keep()
		if err == nil {
			err = body.Release()
		}
		fmt.Println(err)
		_ = body.Bytes()
		return nil
	})
	peers["writesBodies"] = running(writesBodies)
	peers["fillsArena"] = running(fillsArena)
	peers["diesOverBodies"] = running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		if m.Asked() {
			return m.Reply(&conformance.Sum{})
		}
		if tickOf(m).Number() == 1 {
			_, err := m.Keep()
			return err
		}
		if m.Attempt() == 0 {
			if body, err := m.Keep(); err != nil || body.Release() != nil { // it is not finished, and yet given back
				return fmt.Errorf("cannot keep: %w", err)
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		fmt.Println(m.Redelivered(), m.Body()[0], len(m.Body()))
		return nil
	})
	peers["turnsGigabytes"] = turnsGigabytes
}

func writesBodies(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
	to := m.Sender()
	loan, err := to.LoanLarge(ctx, 1000)
	if err != nil {
		return err
	}
	for i := range loan.Bytes() {
		loan.Bytes()[i] = 3
	}
	if err := to.SendLarge(ctx, &conformance.Sum{Count: 5}, loan); err != nil {
		return err
	}
	fmt.Println(to.SendLarge(ctx, &conformance.Sum{}, loan), loan.Cancel(), to.SendLarge(ctx, &conformance.Sum{}, ringmail.BodyLoan{}))
	if loan, err = to.TryLoanLarge(10); err != nil {
		return err
	}
	clear(loan.Bytes())
	call, err := to.AskLarge(ctx, &conformance.Get{}, loan)
	if err != nil {
		return err
	}
	reply, err := call.Wait(ctx)
	fmt.Println(reply.Type == conformance.SumType, err)
	if loan, err = to.LoanLarge(ctx, arenaBytes/2); err != nil {
		return err
	}
	fmt.Println(loan.Cancel(), loan.Cancel())
	_, err = to.LoanLarge(ctx, arenaBytes+1)
	fmt.Println(errors.Is(err, ringmail.ErrTooLong), err)
	_, err = to.LoanLarge(ctx, -1)
	fmt.Println(errors.Is(err, ringmail.ErrTooLong))
	return nil
}

func fillsArena(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
	to := m.Sender()
	loan, err := to.LoanLarge(ctx, arenaBytes)
	if err != nil {
		return err
	}
	clear(loan.Bytes())
	if err := to.SendLarge(ctx, &conformance.Get{}, loan); err != nil {
		return err
	}
	_, err = to.TryLoanLarge(1)
	fmt.Println(err)
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, err = to.LoanLarge(over, 1)
	fmt.Println(errors.Is(err, ringmail.ErrFull), errors.Is(err, context.Canceled))
	if loan, err = to.LoanLarge(ctx, 1); err == nil {
		err = loan.Cancel()
	}
	fmt.Println(err)
	return err
}

func (h *testHost) sendLarge(number, length uint64, fill byte) {
	h.t.Helper()
	tick := conformance.Tick{Number: number}
	h.order("send_large %d 1 %s %d %d", conformance.TickType, toHex(bytesOf(h.t, &tick)), length, fill)
	h.waitFor("sent")
}

// isWhole tells whether all bodies to the peer are free.
func (h *testHost) isWhole() bool {
	h.t.Helper()
	h.order("whole")
	return h.waitFor("whole")[0] == "1"
}

func (h *testHost) answered() {
	h.t.Helper()
	h.ask(conformance.GetType, nil, 1)
	h.reply()
}

func withArena(bytes int) hostOptions {
	return hostOptions{options: []string{"--arena", strconv.Itoa(bytes)}}
}

func TestABodyIsReadInPlaceAndMayBeKept(t *testing.T) {
	h := startHost(t, "keepsBodies", withArena(arenaBytes)).ready()
	for i := 0; i < 8; i++ { // who keeps none has no more than one
		h.sendLarge(0, arenaBytes*3/4, byte(i))
	}
	h.sendLarge(1, arenaBytes/2, 7)
	h.sendLarge(2, arenaBytes/4, 8)
	h.send(conformance.PingType, make([]byte, conformance.PingSize), 0, 1)
	h.answered()
	if h.isWhole() {
		t.Error("what is kept is free")
	}
	h.sendLarge(0, arenaBytes/2, 9) // where the first was
	h.answered()
	if !h.isWhole() {
		t.Error("what was given back is not free")
	}
	var want []string
	for i := 0; i < 8; i++ {
		want = append(want, fmt.Sprintf("0 %d %d %d true", arenaBytes*3/4, i, i))
	}
	want = append(want, fmt.Sprintf("1 %d 7 7 true", arenaBytes/2), fmt.Sprintf("2 %d 8 8 true", arenaBytes/4),
		"true misuse: the message has no body", fmt.Sprintf("7 %d", arenaBytes/2), fmt.Sprintf("8 %d", arenaBytes/4),
		fmt.Sprintf("0 %d 9 9 true", arenaBytes/2))
	expectLines(t, h.stop(), want...)
}

func TestAReleasedBodyRefusesToBeRead(t *testing.T) {
	h := startHost(t, "usesReleased", withArena(arenaBytes)).ready()
	h.sendLarge(0, 10, 1)
	h.failed("panic: ringmail: the body has been released|")
	h.exited("1")
}

func TestABodyIsWrittenInPlaceAndSent(t *testing.T) {
	h := startHost(t, "writesBodies", withArena(arenaBytes)).ready()
	h.sendTick(1, 3)
	if words := h.waitFor("body"); strings.Join(words, " ") != "1000 3000" {
		t.Error(words)
	}
	if m := h.mail(); m.target != 3 || m.typeID != conformance.SumType || m.correlation != 0 || len(m.payload) != conformance.SumSize {
		t.Errorf("%+v", m)
	}
	if words := h.waitFor("body"); strings.Join(words, " ") != "10 0" {
		t.Error(words)
	}
	asked := h.mail()
	if asked.correlation == 0 || asked.typeID != conformance.GetType {
		t.Errorf("%+v", asked)
	}
	h.answer(asked, &conformance.Sum{})
	notOpen := "misuse: the body has been sent or cancelled, or is for another mailbox"
	expectLines(t, h.stop(), notOpen+" "+notOpen+" "+notOpen, "true <nil>", "<nil> "+notOpen,
		fmt.Sprintf("true too long: a body of %d bytes is more than the host has room for (%d)", arenaBytes+1, arenaBytes), "true")
}

func TestAnArenaWithoutRoomIsWaitedFor(t *testing.T) {
	h := startHost(t, "fillsArena", withArena(arenaBytes)).ready()
	h.sendTick(1, 3)
	h.waitFor("body")
	h.waitForOutput("true true")
	h.order("give_back")
	expectLines(t, h.stop(), "no room in the ring or the arena", "true true", "<nil>")
}

func TestADeathGivesBackWhatWasKeptAndBringsTheRestAgain(t *testing.T) {
	h := startHost(t, "diesOverBodies", withArena(arenaBytes)).ready()
	h.sendLarge(1, arenaBytes/2, 1)
	h.sendLarge(2, arenaBytes/4, 2)
	h.waitFor("killed")
	h.order("restart")
	h.ready()
	h.answered()
	if !h.isWhole() {
		t.Error("what a dead peer had kept is not free")
	}
	expectLines(t, h.stop(), fmt.Sprintf("true 2 %d", arenaBytes/4))
}

// --- What it is for

const (
	gigabytesArena  = 64 << 20
	gigabytesRounds = 16 // of so much each way
)

// anonymousBytes is what this process has for itself: shared memory is not counted.
func anonymousBytes() int {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		panic(err)
	}
	defer status.Close()
	for scanner := bufio.NewScanner(status); scanner.Scan(); {
		if rest, found := strings.CutPrefix(scanner.Text(), "RssAnon:"); found {
			kilobytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				panic(err)
			}
			return kilobytes << 10
		}
	}
	panic("no RssAnon")
}

// turnsGigabytes sends as much back as it gets, and says what that took of its own memory.
func turnsGigabytes() {
	before := anonymousBytes()
	ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
		err := peer.Run(ctx, func(m *ringmail.Message) error {
			in := m.Body()
			room, err := m.Sender().LoanLarge(ctx, len(in))
			if err != nil {
				return err
			}
			out := room.Bytes()
			for at := 0; at < len(in); at += os.Getpagesize() {
				out[at] = in[at] + 1
				out[at+1] = 0 // what the round before left
			}
			return m.Sender().SendLarge(ctx, &conformance.Get{}, room)
		})
		fmt.Println("little:", anonymousBytes()-before < gigabytesArena/2)
		return err
	})
}

func TestGigabytesGoThroughAndAreNotCopied(t *testing.T) {
	h := startHost(t, "turnsGigabytes", withArena(gigabytesArena)).ready()
	pages := gigabytesArena / os.Getpagesize()
	for i := 0; i < gigabytesRounds; i++ {
		h.sendLarge(0, gigabytesArena, byte(i))
		words := h.waitFor("body")
		if want := fmt.Sprintf("%d %d", gigabytesArena, pages*(i+1)); strings.Join(words, " ") != want {
			t.Fatalf("round %d: %q, and not %q", i, words, want)
		}
		h.order("give_back")
	}
	expectLines(t, h.stop(), "little: true")
}
