package link

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringmail.dev/ringmail/internal/ring"
)

func TestAHelloHasTheBytesOfTheSpecification(t *testing.T) {
	const want = "524d4c31 0100 0100 0807060504030201 0d0c0b0a 0010000000000000" +
		"01000000 63 01000000 6e 00000000 01000000 73"
	hello := Hello{Features: 0x0102030405060708, PID: 0x0a0b0c0d, WantedRingBytes: 4096, Language: "c", Name: "n", Schema: "s"}
	bytes, err := hello.Encode()
	if got := hex.EncodeToString(bytes); err != nil || got != strings.ReplaceAll(want, " ", "") || len(bytes) != 47 {
		t.Errorf("%s %v", got, err)
	}
}

func TestWhatMakesNoHelloIsSaid(t *testing.T) {
	for want, hello := range map[string]Hello{
		"the name is longer than 255 bytes":                      {Language: "go", Name: strings.Repeat("a", 256)},
		"the name is not UTF-8, or holds a control character":    {Language: "go", Name: "\xff"},
		"the schema is longer than 524288 bytes":                 {Language: "go", Schema: strings.Repeat("a", 1<<19+1)},
		"the schema is not UTF-8, or holds a control character":  {Language: "go", Schema: "\x00"},
		"a ring of 4097 bytes: it must be a power of two from 4": {Language: "go", WantedRingBytes: 4097},
	} {
		if _, err := hello.Encode(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}

func welcomeBytes(w Welcome) []byte {
	b := binary.LittleEndian.AppendUint16(nil, w.Version)
	b = binary.LittleEndian.AppendUint64(b, w.Features)
	b = binary.LittleEndian.AppendUint64(b, w.Incarnation)
	b = binary.LittleEndian.AppendUint32(b, w.LineBytes)
	b = binary.LittleEndian.AppendUint32(b, w.Layout.Lanes)
	b = binary.LittleEndian.AppendUint64(b, w.Layout.MailToPeerBytes)
	b = binary.LittleEndian.AppendUint64(b, w.Layout.MailToHostBytes)
	b = binary.LittleEndian.AppendUint64(b, w.Layout.ControlBytes)
	b = appendText(appendText(b, w.Name), w.Schema)
	b = append(binary.LittleEndian.AppendUint32(b, w.HostPID), byte(len(w.Segments)))
	for _, segment := range w.Segments {
		b = binary.LittleEndian.AppendUint64(append(b, byte(segment.Role)), segment.Bytes)
		b = binary.LittleEndian.AppendUint32(b, segment.HostFD)
	}
	return b
}

func goodWelcome() Welcome {
	w := Welcome{Version: 1, Features: MailOutlivesPeer | PipeDoorbell, Incarnation: 3, LineBytes: 64,
		Layout: ring.Layout{Lanes: 2, MailToPeerBytes: 4096, MailToHostBytes: 8192, ControlBytes: 4096},
		Name:   "n", Schema: "s", HostPID: 9}
	for _, role := range []Role{RolePeerBells, RoleMail, RoleHost, RoleDoorbell, RolePeer, RoleHostBells} {
		w.Segments = append(w.Segments, Segment{role, 4096, uint32(role)})
	}
	return w
}

func TestAWelcomeIsReadAndNothingOfItIsBelieved(t *testing.T) {
	good := welcomeBytes(goodWelcome())
	w, err := DecodeWelcome(good)
	if err != nil || w.Check(Offered) != nil || w.Incarnation != 3 || w.Layout.MailToHostBytes != 8192 ||
		w.Segments[3] != (Segment{RoleDoorbell, 4096, 7}) {
		t.Errorf("%+v %v %v", w, err, w.Check(Offered))
	}
	for length := range good {
		if _, err := DecodeWelcome(good[:length]); err == nil || !strings.HasPrefix(err.Error(), "welcome: ") {
			t.Fatalf("%d bytes: %v", length, err)
		}
	}
	if _, err := DecodeWelcome(append(good, 0)); err == nil || err.Error() != "welcome: 1 bytes too many" {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Welcome){
		"welcome: name is empty, not UTF-8":                func(w *Welcome) { w.Name = "" },
		"welcome: name is too long (256)":                  func(w *Welcome) { w.Name = strings.Repeat("a", 256) },
		"welcome: schema is empty, not UTF-8":              func(w *Welcome) { w.Schema = "a\x00" },
		"welcome: segment role cannot be 10":               func(w *Welcome) { w.Segments[0].Role = 10 },
		"welcome: segment role cannot be 0":                func(w *Welcome) { w.Segments[0].Role = 0 },
		"welcome: segments is too long (9)":                func(w *Welcome) { w.Segments = make([]Segment, 9) },
		"the host chose version 2, this peer speaks 1":     func(w *Welcome) { w.Version = 2 },
		"the host chose features that were not offered":    func(w *Welcome) { w.Features |= BetweenSystems },
		"the host's frames start every 128 bytes":          func(w *Welcome) { w.LineBytes = 128 },
		"the host has 0 lanes, the most is 256":            func(w *Welcome) { w.Layout.Lanes = 0 },
		"the host has 257 lanes, the most is 256":          func(w *Welcome) { w.Layout.Lanes = 257 },
		"2048 bytes are no ring":                           func(w *Welcome) { w.Layout.ControlBytes = 2048 },
		"12288 bytes are no ring":                          func(w *Welcome) { w.Layout.MailToPeerBytes = 12288 },
		"2147483648 bytes are no ring":                     func(w *Welcome) { w.Layout.MailToHostBytes = 1 << 31 },
		"segment mail was named twice":                     func(w *Welcome) { w.Segments[0].Role = RoleMail },
		"segment peer_bells of 0 bytes, not whole pages":   func(w *Welcome) { w.Segments[0].Bytes = 0 },
		"segment peer_bells of 100 bytes, not whole pages": func(w *Welcome) { w.Segments[0].Bytes = 100 },
		"no segment peer_bells":                            func(w *Welcome) { w.Segments = w.Segments[1:] },
		"no segment host_parked": func(w *Welcome) {
			w.Features |= StreamDoorbell
			w.Segments = w.Segments[:5]
		},
		"a segment too many: host_bells": func(w *Welcome) { w.Features |= StreamDoorbell },
		"a segment too many: doorbell":   func(w *Welcome) { w.Features = 0 },
	} {
		w := goodWelcome()
		spoil(&w)
		w, err := DecodeWelcome(welcomeBytes(w))
		if err == nil {
			err = w.Check(Offered)
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}

func TestLastWordsArriveWhateverTheyAre(t *testing.T) {
	if text := string(EncodeFailure("a\x00\xffb")[4:]); text != "a??b" {
		t.Errorf("%q", text)
	}
	text := string(EncodeFailure(strings.Repeat("ä", 10000))[4:])
	if len(text) != 16384 || !isProse(text) {
		t.Errorf("%d bytes", len(text))
	}
	if text = string(EncodeFailure("x" + strings.Repeat("ä", 10000))[4:]); len(text) != 16383 || !isProse(text) {
		t.Errorf("%d bytes", len(text))
	}
}

func TestARefusalOfAnUnknownCodeIsShown(t *testing.T) {
	code, text, err := DecodeRefused(EncodeRefused(77, "why"))
	if code != 77 || text != "why" || err != nil || code.String() != "refused for a reason that is not known here" {
		t.Error(code, text, err)
	}
}

func TestAnAnswerToALookupIsChecked(t *testing.T) {
	good := []byte{5, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0}
	if answer, err := DecodeResolved(good); err != nil || answer != (Resolved{5, true, 9}) {
		t.Error(answer, err)
	}
	for _, found := range []byte{0, 2} {
		good[4] = found
		if _, err := DecodeResolved(good); err == nil {
			t.Errorf("found %d with a mailbox", found)
		}
	}
}

// ---- the stream

func newPair(t *testing.T) (*Stream, *net.UnixConn) {
	t.Helper()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := Adopt(ends[0])
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(ends[1]), "host")
	defer file.Close()
	host, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close(); host.Close() })
	return stream, host.(*net.UnixConn)
}

func TestAFrameArrivesInAnyNumberOfPieces(t *testing.T) {
	stream, host := newPair(t)
	go func() {
		for _, b := range []byte{3, 0, 0, 0, 6, 0, 0, 0, 'a', 'b', 'c', 0, 0, 0, 0, 3, 0, 0, 0} {
			host.Write([]byte{b})
			time.Sleep(100 * time.Microsecond)
		}
		host.Close()
	}()
	frame, err := stream.Receive()
	if err != nil || frame.Kind != KindResolved || string(frame.Payload) != "abc" {
		t.Error(frame, err)
	}
	if frame, err = stream.Receive(); err != nil || frame.Kind != KindReady || len(frame.Payload) != 0 {
		t.Error(frame, err)
	}
	if _, err = stream.Receive(); err != io.EOF {
		t.Error(err)
	}
}

func TestAStreamThatHasLostItsPlaceIsGivenUp(t *testing.T) {
	for _, c := range []struct{ bytes, want string }{
		{"usage: x", `not a control frame: the bytes "usag`},
		{"\x00\x00\x00\x00\xff\x00", `not a control frame: the bytes "\x00\x00\x00\x00\xff\x00" give it the unknown kind 255`},
		{"\x00\x00\x00\x00\x03\x00\x01\x00", "end in 1 where 0 must stand"},
		{"\x01\x00\x10\x00", "give it a length of 1048577, the most is 1048576"},
		{"\x04\x00\x00", `the control stream ended inside a frame that starts with the bytes "\x04\x00\x00"`},
		{"\x04\x00\x00\x00\x03\x00\x00\x00ab", "the control stream ended inside a frame"},
	} {
		stream, host := newPair(t)
		host.Write([]byte(c.bytes))
		host.CloseWrite()
		if _, err := stream.Receive(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.bytes, err)
		}
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestDescriptorsComeWithAHeaderAndNowhereElse(t *testing.T) {
	stream, host := newPair(t)
	before := openDescriptors(t)
	header := []byte{2, 0, 0, 0, 2, 0, 0, 0}
	host.WriteMsgUnix(header[:3], syscall.UnixRights(0, 1), nil)
	host.WriteMsgUnix(header[3:], syscall.UnixRights(2), nil)
	host.Write([]byte("ab"))
	frame, err := stream.Receive()
	if err != nil || len(frame.Descriptors) != 3 {
		t.Fatal(frame, err)
	}
	for _, number := range frame.Descriptors {
		if flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(number), syscall.F_GETFD, 0); flags&syscall.FD_CLOEXEC == 0 {
			t.Error("a descriptor is open across exec")
		}
	}
	frame.Close()
	host.Write(header)
	host.WriteMsgUnix([]byte("ab"), syscall.UnixRights(0), nil)
	if _, err := stream.Receive(); err == nil || !strings.Contains(err.Error(), "where none is accepted") {
		t.Error(err)
	}
	stream, host = newPair(t)
	host.WriteMsgUnix(header[:1], syscall.UnixRights(0, 1, 2), nil)
	host.WriteMsgUnix(header[1:], syscall.UnixRights(0, 1, 2, 0, 1, 2), nil)
	if _, err := stream.Receive(); err == nil || !strings.Contains(err.Error(), "file descriptors were lost") {
		t.Error(err)
	}
	stream.Close()
	host.Close()
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
}

func TestTwoPipesAreAStream(t *testing.T) {
	var toPeer, toHost [2]int
	if err := errors.Join(syscall.Pipe2(toPeer[:], syscall.O_CLOEXEC), syscall.Pipe2(toHost[:], syscall.O_CLOEXEC)); err != nil {
		t.Fatal(err)
	}
	stream, err := Adopt(toPeer[0], toHost[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(KindRing, EncodeRing(3)); err != nil || stream.CarriesDescriptors() {
		t.Error(err)
	}
	bytes := make([]byte, 32)
	if count, _ := syscall.Read(toHost[0], bytes); hex.EncodeToString(bytes[:count]) != "040000000900000003000000" {
		t.Errorf("%x", bytes[:count])
	}
	syscall.Write(toPeer[1], bytes[:12])
	if frame, err := stream.Receive(); err != nil || frame.Kind != KindRing {
		t.Error(frame, err)
	}
	stream.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := stream.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	stream.SetReadDeadline(time.Time{})
	syscall.Close(toPeer[1])
	if _, err := stream.Receive(); err != io.EOF {
		t.Error(err)
	}
	stream.Close()
	syscall.Close(toHost[0])
}
