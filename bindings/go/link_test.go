package ringmail_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"ringmail.dev/ringmail/internal/conformance"
)

func bytesOf(t *testing.T, message interface{ MarshalBinary() ([]byte, error) }) []byte {
	t.Helper()
	bytes, err := message.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func (h *testHost) sendTick(number uint64, sender uint64) {
	h.t.Helper()
	tick := conformance.Tick{Number: number, Symbol: "abc", Side: conformance.SideAsk}
	h.send(conformance.TickType, bytesOf(h.t, &tick), sender, 1)
}

func expectLines(t *testing.T, output string, want ...string) {
	t.Helper()
	if got := strings.TrimSpace(output); got != strings.Join(want, "\n") {
		t.Errorf("the peer printed\n%s\nand not\n%s", got, strings.Join(want, "\n"))
	}
}

func TestAHandlerGetsItsMessagesInOrderUntilTheHostSaysStop(t *testing.T) {
	h := startHost(t, "prints", hostOptions{}).ready()
	for number := uint64(1); number <= 3; number++ {
		h.sendTick(number, 9)
	}
	expectLines(t, h.stop(), "1 abc ask 9 false 0", "2 abc ask 9 false 0", "3 abc ask 9 false 0", "stopped tested 1 3 0")
	if !h.sawLine("goodbye") || !h.sawLine("hello go 0") {
		t.Errorf("%q", h.seen)
	}
}

func TestAsksAreAnsweredAtOnceOrLaterOrRefused(t *testing.T) {
	h := startHost(t, "answers", hostOptions{}).ready()
	tick := bytesOf(t, &conformance.Tick{Number: 5})
	h.ask(conformance.TickType, tick, 77)
	if correlation, typeID, payload := h.reply(); correlation != 77 || typeID != conformance.TickType ||
		string(payload) != string(tick) {
		t.Errorf("reply %d %#x %x", correlation, typeID, payload)
	}
	h.ask(conformance.GetType, nil, 1)
	h.ask(conformance.GetType, nil, 2)
	for want := uint32(1); want <= 2; want++ {
		var sum conformance.Sum
		correlation, typeID, payload := h.reply()
		if err := sum.UnmarshalBinary(payload); err != nil || typeID != conformance.SumType || correlation != want ||
			sum.Count != uint64(want-1) {
			t.Errorf("reply %d %#x %x %v", correlation, typeID, payload, err)
		}
	}
	h.ask(conformance.StreamType, bytesOf(t, &conformance.Stream{}), 3)
	if correlation, typeID, payload := h.reply(); correlation != 3 || typeID != 0xc68cbb46 || len(payload) != 0 {
		t.Errorf("done %d %#x %x", correlation, typeID, payload)
	}
	for _, c := range []struct {
		typeID uint32
		size   int
		want   string
	}{{conformance.FailType, 4, "4 3"}, {conformance.BulkType, 1024, "4 2"}, {123, 0, "4 1"}} {
		h.ask(c.typeID, make([]byte, c.size), 4)
		if words := h.waitFor("no_reply"); strings.Join(words, " ") != c.want {
			t.Errorf("%#x: no_reply %q, not %q", c.typeID, words, c.want)
		}
	}
	h.send(123, nil, 0, 2)
	if output := h.stop(); strings.Count(output, "a message of the type 0x7b is dropped: it has no handler") != 1 {
		t.Error(output)
	}
}

func TestMessagesAreSentToTheSenderAndToNames(t *testing.T) {
	h := startHost(t, "sends", hostOptions{})
	h.order("publish board 12")
	h.ready()
	h.sendTick(6, 11)
	if m := h.mail(); m.target != 11 || m.typeID != conformance.SumType || m.correlation != 0 {
		t.Errorf("%+v", m)
	}
	if m := h.mail(); m.target != 12 || m.typeID != conformance.TickType || len(m.payload) != conformance.TickSize {
		t.Errorf("%+v", m)
	}
	expectLines(t, h.stop(),
		`true there is no such mailbox: no mailbox has the name "bored"`,
		`there is no such mailbox: "b\x01" is not a name`,
		`there is no such mailbox: mailbox 0x0`)
}

func TestALoanIsWrittenInPlace(t *testing.T) {
	h := startHost(t, "loans", hostOptions{}).ready()
	h.sendTick(1, 3)
	var tick conformance.Tick
	if m := h.mail(); m.target != 3 || tick.UnmarshalBinary(m.payload) != nil || tick.Price != 2.5 ||
		tick.Levels[1].Quantity != 9 || tick.Symbol != "" {
		t.Errorf("%+v %+v", m, tick)
	}
	if m := h.mail(); m.typeID != conformance.GetType || len(m.payload) != 0 {
		t.Errorf("%+v", m)
	}
	open := "misuse: a loan is open: nothing else may be done before it is published or cancelled"
	expectLines(t, h.stop(), open, open, "misuse: no loan is open",
		"true too long: a payload of 1048576 bytes is more than half a ring (32736)")
}

func TestSendingIntoAFullRingFailsOrWaits(t *testing.T) {
	h := startHost(t, "fills", hostOptions{options: []string{"--ring", "4096"}}).ready()
	h.order("deaf")
	h.sendTick(1, 3)
	h.waitForOutput("full true true")
	h.order("hear")
	h.stop()
	count := uint64(0)
	for _, line := range h.seen {
		if words := strings.Split(line, " "); words[0] == "mail" {
			var sum conformance.Sum
			if err := sum.UnmarshalBinary(parseMail(words[1:]).payload); err != nil || sum.Count != count {
				t.Fatalf("%d: %+v %v", count, sum, err)
			}
			count++
		}
	}
	if count < 20 {
		t.Errorf("%d messages fit", count)
	}
}

func (h *testHost) answer(asked received, message interface{ MarshalBinary() ([]byte, error) }) {
	h.t.Helper()
	h.order("answer %d %d %s", asked.correlation, conformance.SumType, toHex(bytesOf(h.t, message)))
}

func TestSeveralAsksAreUnderWayAtOnce(t *testing.T) {
	h := startHost(t, "asks", hostOptions{}).ready()
	h.sendTick(1, 3)
	first, second, late := h.mail(), h.mail(), h.mail()
	if first.correlation == 0 || first.correlation == second.correlation {
		t.Errorf("%+v %+v", first, second)
	}
	h.waitForOutput("late")
	h.answer(late, &conformance.Sum{}) // is dropped
	h.order("decline %d 4", second.correlation)
	h.answer(first, &conformance.Sum{Count: 1})
	expectLines(t, h.stop(), "late true", "first true 24 <nil>",
		"second true the ask was not answered: its mailbox is full")
}

func TestATypedMailboxGivesATypedReply(t *testing.T) {
	h := startHost(t, "asksTyped", hostOptions{}).ready()
	h.sendTick(1, 3)
	h.answer(h.mail(), &conformance.Sum{Count: 8})
	h.order("answer %d 5 -", h.mail().correlation)
	h.order("answer %d %d -", h.mail().correlation, uint32(0xc68cbb46))
	expectLines(t, h.stop(), "8 <nil>", "the reply to conformance.Get has the type 0x5, not that of conformance.Sum", "<nil>")
}

func TestAnswersReachTheirFunctions(t *testing.T) {
	h := startHost(t, "thens", hostOptions{}).ready()
	h.sendTick(1, 3)
	first, second := h.mail(), h.mail()
	h.waitForOutput("late 0 context deadline exceeded")
	h.order("decline %d 2", second.correlation)
	h.answer(first, &conformance.Sum{})
	expectLines(t, h.stop(), "late 0 context deadline exceeded", "second 0 the ask was not answered: the handler failed",
		"first 24 <nil>", "never 0 the host said stop")
}

func TestAnErrorOfAFunctionIsAFailure(t *testing.T) {
	h := startHost(t, "thenFails", hostOptions{}).ready()
	h.sendTick(1, 3)
	h.answer(h.mail(), &conformance.Sum{})
	if text := strings.Join(h.waitFor("failure"), " "); !strings.HasPrefix(text, "not what was hoped for||goroutine") {
		t.Error(text)
	}
	h.exited("1")
}

func TestAnErrorOfAHandlerIsToldAndTheMessageComesAgain(t *testing.T) {
	h := startHost(t, "fails", hostOptions{}).ready()
	h.sendTick(1, 3)
	h.mail()
	h.ask(conformance.FailType, []byte{7, 0, 0, 0}, 5)
	if words := h.waitFor("failure"); !strings.HasPrefix(strings.Join(words, " "),
		"failed with 7|(while handling a message of the type 0x") || !strings.Contains(strings.Join(words, " "), "run.go") {
		t.Error(words)
	}
	h.exited("1")
	if !h.sawLine("no_reply 5 2") {
		t.Errorf("the asker was not refused: %q", h.seen)
	}
	if !strings.Contains(h.output(), "failed with 7\n") {
		t.Error(h.output())
	}
	h.order("position")
	if words := h.waitFor("unfinished"); words[0] != "1" {
		t.Errorf("%s messages are unfinished", words[0])
	}
	h.order("restart")
	if words := h.waitFor("failure"); !strings.Contains(strings.Join(words, " "), "which 1 earlier processes died with") {
		t.Error(words)
	}
	h.exited("1")
}

func TestASuccessorIsToldWhatItsPredecessorMayHaveSeen(t *testing.T) {
	h := startHost(t, "isBusy", hostOptions{}).ready()
	h.sendTick(1, 3)
	h.sendTick(2, 3)
	h.waitForOutput("busy")
	h.order("signal 9")
	h.waitFor("killed")
	h.order("restart")
	h.ready()
	h.order("signal 9")
	h.waitFor("killed")
	h.order("position")
	if words := h.waitFor("unfinished"); words[0] != "2" {
		t.Errorf("%s messages are unfinished", words[0])
	}
}

func TestAPanicIsToldWithItsStack(t *testing.T) {
	h := startHost(t, "panics", hostOptions{}).ready()
	h.sendTick(1, 3)
	text := strings.Join(h.waitFor("failure"), " ")
	if !strings.HasPrefix(text, "panic: runtime error: index out of range [1048576] with length 72|") ||
		!strings.Contains(text, "peers_test.go") {
		t.Error(text)
	}
	h.exited("1")
}

func TestTheDeathOfTheHostEndsTheProcess(t *testing.T) {
	for peer, isBusy := range map[string]bool{"prints": false, "isBusy": true} {
		t.Run(peer, func(t *testing.T) {
			h := startHost(t, peer, hostOptions{}).ready()
			if isBusy {
				h.sendTick(1, 3)
				h.waitForOutput("busy")
			}
			h.order("die")
			h.waitForOutput("the host has closed the link")
		})
	}
}

// failed waits for a failure whose text starts so.
func (h *testHost) failed(start string) {
	h.t.Helper()
	if text := strings.Join(h.waitFor("failure"), " "); !strings.HasPrefix(text, start) {
		h.t.Error(text)
	}
}

func TestAReleasedMessageRefusesToBeRead(t *testing.T) {
	h := startHost(t, "keeps", hostOptions{}).ready()
	h.sendTick(1, 3)
	h.failed("panic: ringmail: the message has been released|")
	h.exited("1")
}

func TestTwoGoroutinesAtOnceAreNoticed(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector ends the peer before it can tell")
	}
	h := startHost(t, "isShared", hostOptions{}).ready()
	h.sendTick(1, 3)
	h.failed("panic: ringmail: a peer is used by two goroutines at once")
	h.exited("1")
}

func TestAChannelIsFedAndClosed(t *testing.T) {
	h := startHost(t, "feeds", hostOptions{}).ready()
	h.sendTick(1, 0)
	h.sendTick(2, 0)
	expectLines(t, h.stop(), "1 abc", "2 abc")
}

func TestTheEndOfAContextEndsASleep(t *testing.T) {
	h := startHost(t, "isCancelled", hostOptions{}).ready()
	h.waitForOutput("enough")
	expectLines(t, h.stop(), "enough true")
}

func TestARefusalIsShown(t *testing.T) {
	h := startHost(t, "prints", hostOptions{options: []string{"--refuse", "field delay is i32 here and i16 there"}})
	h.exited("1")
	if !strings.HasSuffix(h.output(), ": the host refused: the schemas do not match: field delay is i32 here and i16 there\n") {
		t.Error(h.output())
	}
}

func TestAProcessThatNobodySpawnedSaysSo(t *testing.T) {
	for _, c := range []struct{ variable, want string }{
		{"", "RINGMAIL_FDS is not set, and no socket was named"},
		{"one", `RINGMAIL_FDS is "one", which is not one or two numbers of descriptors`},
		{"0", "descriptor 0, which should be the control stream, is not a stream socket"},
	} {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), "RINGMAIL_TEST_PEER=prints", "RINGMAIL_FDS="+c.variable)
		out, _ := command.CombinedOutput()
		if command.ProcessState.ExitCode() != 2 || strings.Count(string(out), "\n") != 1 ||
			!strings.Contains(string(out), "this process was not spawned by a Ringmail system: "+c.want) {
			t.Errorf("%q: status %d, %s", c.variable, command.ProcessState.ExitCode(), out)
		}
	}
}
