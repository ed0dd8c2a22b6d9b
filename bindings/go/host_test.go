package ringmail_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A watchdog, not a measure.
const deadline = 30 * time.Second

// The host program of bindings/python/tests, which does what it is told line by line. It is compiled once, or
// RINGMAIL_TEST_HOST names it.
var compileHost = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("RINGMAIL_TEST_HOST"); given != "" {
		return given, nil
	}
	compiler := os.Getenv("CXX")
	if compiler == "" {
		compiler = "c++"
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	sources := []string{filepath.Join(root, "bindings/python/tests/host.cpp")}
	for _, pattern := range []string{"*.cpp", "linux/*.cpp"} {
		found, _ := filepath.Glob(filepath.Join(root, "transport/src", pattern))
		sources = append(sources, found...)
	}
	program := filepath.Join(temporaryFolder, "host")
	words := append(strings.Fields(compiler), "-std=c++23", "-O1", "-pthread", "-I", filepath.Join(root, "transport/include"))
	words = append(append(words, sources...), "-o", program)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot compile the test host: %w\n%s", err, out)
	}
	return program, nil
})

var temporaryFolder string

// TestMain is the peer as well: the host starts this very program, and says by an argument which of the peers it is.
func TestMain(m *testing.M) {
	if name := os.Getenv("RINGMAIL_TEST_PEER"); name != "" {
		peers[name]()
		os.Exit(5) // they exit by themselves
	}
	var err error
	if temporaryFolder, err = os.MkdirTemp("", "ringmail-go"); err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(temporaryFolder)
	os.Exit(status)
}

type testHost struct {
	t       *testing.T
	command *exec.Cmd
	orders  io.Writer
	lines   chan string
	seen    []string
	log     string
}

type hostOptions struct {
	schema  string
	options []string
	command []string // instead of a peer of this program
}

func startHost(t *testing.T, peer string, options hostOptions) *testHost {
	t.Helper()
	program, err := compileHost()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	h := &testHost{t: t, log: filepath.Join(folder, "log"), lines: make(chan string, 1024)}
	schema := filepath.Join(folder, "schema")
	if err := os.WriteFile(schema, []byte(options.schema), 0o600); err != nil {
		t.Fatal(err)
	}
	words := append([]string{"--schema", schema, "--log", h.log}, options.options...)
	words = append(words, "--")
	if options.command == nil {
		options.command = []string{os.Args[0]}
	}
	h.command = exec.Command(program, append(words, options.command...)...)
	h.command.Env = append(os.Environ(), "RINGMAIL_TEST_PEER="+peer)
	if h.orders, err = h.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		scanner := bufio.NewScanner(out)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			h.lines <- scanner.Text()
		}
		close(h.lines)
	}()
	t.Cleanup(func() { h.command.Process.Kill(); h.command.Wait() })
	return h
}

func (h *testHost) order(format string, values ...any) {
	h.t.Helper()
	if _, err := fmt.Fprintf(h.orders, format+"\n", values...); err != nil {
		h.t.Fatal(err)
	}
}

// waitFor is the other words of the next line that starts so. What comes before is put into seen.
func (h *testHost) waitFor(first string) []string {
	h.t.Helper()
	limit := time.After(deadline)
	for {
		select {
		case line, ok := <-h.lines:
			if !ok {
				h.t.Fatalf("the host ended after %q; the peer's log: %s", h.seen, h.output())
			}
			h.seen = append(h.seen, line)
			words := strings.Split(line, " ")
			if words[0] == first {
				return words[1:]
			}
			if words[0] == "exit" || words[0] == "killed" {
				h.t.Fatalf("the peer ended: %q; its log: %s", h.seen, h.output())
			}
		case <-limit:
			h.t.Fatalf("nothing more came after %q; the peer's log: %s", h.seen, h.output())
		}
	}
}

func (h *testHost) ready() *testHost {
	h.t.Helper()
	h.waitFor("ready")
	return h
}

func toHex(payload []byte) string {
	if len(payload) == 0 {
		return "-"
	}
	return hex.EncodeToString(payload)
}

func (h *testHost) send(typeID uint32, payload []byte, sender uint64, count int) {
	h.t.Helper()
	h.order("send %d %d %s %d", typeID, sender, toHex(payload), count)
	h.waitFor("sent")
}

func (h *testHost) ask(typeID uint32, payload []byte, correlation uint32) {
	h.t.Helper()
	h.order("ask %d 0 %d %s", typeID, correlation, toHex(payload))
	h.waitFor("sent")
}

type received struct {
	target      uint64
	typeID      uint32
	correlation uint32
	payload     []byte
}

// mail is the next message to the host.
func (h *testHost) mail() received {
	h.t.Helper()
	return parseMail(h.waitFor("mail"))
}

func parseMail(words []string) received {
	payload, _ := hex.DecodeString(words[3])
	return received{number[uint64](words[0]), number[uint32](words[1]), number[uint32](words[2]), payload}
}

// reply is the next reply: the correlation, the type and the payload.
func (h *testHost) reply() (uint32, uint32, []byte) {
	h.t.Helper()
	words := h.waitFor("reply")
	payload, _ := hex.DecodeString(words[2])
	return number[uint32](words[0]), number[uint32](words[1]), payload
}

func number[N uint32 | uint64](word string) N {
	value, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		panic(err)
	}
	return N(value)
}

// stop ends the peer in order. It returns what the peer printed.
func (h *testHost) stop() string {
	h.t.Helper()
	h.order("stop")
	h.exited("0")
	return h.output()
}

func (h *testHost) exited(status string) {
	h.t.Helper()
	if words := h.waitFor("exit"); words[0] != status {
		h.t.Fatalf("the peer exited with %s after %q; its log: %s", words[0], h.seen, h.output())
	}
}

// sawLine tells whether such a line came before.
func (h *testHost) sawLine(line string) bool {
	for _, seen := range h.seen {
		if seen == line {
			return true
		}
	}
	return false
}

func (h *testHost) output() string {
	text, _ := os.ReadFile(h.log)
	return string(text)
}

func (h *testHost) waitForOutput(text string) {
	h.t.Helper()
	for limit := time.Now().Add(deadline); !strings.Contains(h.output(), text); {
		if time.Now().After(limit) {
			h.t.Fatalf("the peer did not print %q: %s", text, h.output())
		}
		time.Sleep(2 * time.Millisecond) // a file cannot be waited for
	}
}
