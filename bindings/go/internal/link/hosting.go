package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"ringmail.dev/ringmail/internal/ring"
)

// The host's part of the handshake, as a peer that listens speaks it. docs/spec/peers.md says what differs from a system.

// HandshakeTime is what a peer has from its connection to its ready.
const HandshakeTime = 2 * time.Second

// More codes of refusals, beside BadSegment: those that a host says.
const (
	BadMagic       RefusalCode = 1
	Malformed      RefusalCode = 2
	WrongVersion   RefusalCode = 3
	MissingFeature RefusalCode = 4
	WrongRingSize  RefusalCode = 6
	UnknownName    RefusalCode = 7
	TooSlow        RefusalCode = 9
	Busy           RefusalCode = 10
)

func refuse(code RefusalCode, format string, values ...any) *RefusedError {
	return &RefusedError{Code: code, Text: fmt.Sprintf(format, values...)}
}

// ReceiveHello waits for it. What a RefusedError has is to be told to the peer; other errors are the stream's.
func ReceiveHello(stream *Stream) (Hello, error) {
	frame, err := receiveDue(stream, KindHello)
	if err != nil {
		return Hello{}, err
	}
	return DecodeHello(frame.Payload)
}

// ReceiveReady waits until the peer has mapped everything.
func ReceiveReady(stream *Stream) error {
	frame, err := receiveDue(stream, KindReady)
	if err == nil && len(frame.Payload) != 0 {
		err = refuse(Malformed, "ready: %d bytes too many", len(frame.Payload))
	}
	return err
}

func receiveDue(stream *Stream, due Kind) (Frame, error) {
	frame, err := stream.Receive()
	sent := len(frame.Descriptors)
	frame.Close()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
		return frame, err
	case err != nil:
		return frame, refuse(Malformed, "%v", err)
	case sent != 0:
		return frame, refuse(Malformed, "a file descriptor came on the control stream where none is accepted")
	case frame.Kind == KindRefused && due == KindReady:
		return frame, io.EOF
	case frame.Kind != due:
		return frame, refuse(Malformed, "%v was due, and %v came", due, frame.Kind)
	}
	return frame, nil
}

// DecodeHello reads what a peer says first, and refuses a version that this is not.
func DecodeHello(payload []byte) (Hello, error) {
	r := reader{message: KindHello, rest: payload}
	if magic := r.u32("magic"); r.err == nil && magic != helloMagic {
		return Hello{}, refuse(BadMagic, "hello: magic is %#x, not %#x", magic, helloMagic)
	}
	least, most := r.u16("version_min"), r.u16("version_max")
	if r.err == nil && least < 1 {
		r.fail("version_min cannot be %d", least)
	}
	if r.err == nil && most < least {
		r.fail("version_max cannot be %d", most)
	}
	hello := Hello{
		Features:        r.u64("features"),
		PID:             r.u32("pid"),
		WantedRingBytes: r.u64("wanted_ring_bytes"),
		Language:        r.text("language", maxLanguageBytes, isName),
		Name:            r.text("name", maxNameBytes, isOptionalName),
		Token:           r.text("token", maxTokenBytes, isOptionalName),
		Schema:          r.text("schema", maxSchemaBytes, isProse),
	}
	if most > protocolVersion {
		r.rest = nil // a later version may append to its hello
	}
	if err := r.finish(); err != nil {
		return Hello{}, refuse(Malformed, "%v", err)
	}
	if least > protocolVersion {
		return Hello{}, refuse(WrongVersion, "the peer speaks %d to %d, this host speaks %d to %d",
			least, most, protocolVersion, protocolVersion)
	}
	return hello, nil
}

// Choose is which of the hello's features a peer that listens chooses, or why it refuses: it sleeps over the streams of all its
// peers, and so insists on stream_doorbell.
func Choose(hello Hello, largestRing uint64) (uint64, error) {
	if hello.Features&StreamDoorbell == 0 {
		return 0, refuse(MissingFeature, "the peer lacks what this host insists on: stream_doorbell")
	}
	if wanted := hello.WantedRingBytes; wanted != 0 && (!ring.IsRingSize(wanted) || wanted > largestRing) {
		return 0, refuse(WrongRingSize, "the peer wants rings of %d bytes; a ring is a power of two from %d to %d",
			wanted, ring.MinRingBytes, largestRing)
	}
	return hello.Features & (MailOutlivesPeer | StreamDoorbell | PipeDoorbell), nil
}

// SendWelcome gives the peer what was made for it; the rest of the welcome is the caller's.
func SendWelcome(stream *Stream, welcome Welcome, made *Incarnation) error {
	var descriptors []int
	welcome.Version, welcome.LineBytes, welcome.HostPID = protocolVersion, ring.LineBytes, uint32(os.Getpid())
	welcome.Layout = made.mail.Layout
	welcome.Segments, descriptors = made.segments()
	return stream.SendWith(KindWelcome, welcome.Encode(), descriptors)
}

// CheckListener tells whether a peer that listens can be welcoming as that.
func CheckListener(name, schema string) error {
	switch {
	case !IsName(name):
		return fmt.Errorf("%q is not a name", name)
	case len(schema) > maxSchemaBytes:
		return fmt.Errorf("the schema is longer than %d bytes", maxSchemaBytes)
	case !isProse(schema):
		return errors.New("the schema is not UTF-8, or holds a control character")
	}
	return nil
}
