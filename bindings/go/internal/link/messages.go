package link

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"ringmail.dev/ringmail/internal/ring"
)

// Kind of a control frame.
type Kind uint16

const (
	KindHello Kind = 1 + iota
	KindWelcome
	KindReady
	KindRefused
	KindResolve
	KindResolved
	KindFailure
	KindGoodbye
	KindRing
	KindLog
	KindOutlive

	KindIntroduce  Kind = 16
	KindIntroduced Kind = 17
	KindPresence   Kind = 18
)

func (k Kind) isKnown() bool {
	return (k >= KindHello && k <= KindOutlive) || (k >= KindIntroduce && k <= KindPresence)
}

func (k Kind) String() string {
	names := [...]string{1: "hello", "welcome", "ready", "refused", "resolve", "resolved", "failure", "goodbye", "ring",
		"log", "outlive", 16: "introduce", "introduced", "presence"}
	if !k.isKnown() {
		return "an unknown message"
	}
	return names[k]
}

const (
	protocolVersion = 1
	helloMagic      = 0x314c4d52 // RML1

	maxLanguageBytes = 32
	maxNameBytes     = 255
	maxTokenBytes    = 128
	maxPathBytes     = 107 // of a socket
	maxTextBytes     = 16 << 10
	maxSchemaBytes   = 512 << 10
)

// Features of the protocol.
const (
	MailOutlivesPeer  = 1 << 0
	AsymmetricBarrier = 1 << 1
	StreamDoorbell    = 1 << 2
	BetweenSystems    = 1 << 3
	PipeDoorbell      = 1 << 4
	Introductions     = 1 << 6
	Monitors          = 1 << 7
	Log               = 1 << 8
	LargeMessages     = 1 << 9
	ExactlyOnce       = 1 << 11
	OutlivesHost      = 1 << 12

	// Offered is what this binding can do. AsymmetricBarrier is not among it: Go's atomic stores are XCHG and STLR in any
	// case, so it would take no barrier away from this side, and its sleeps would have to pay for a membarrier each.
	Offered = MailOutlivesPeer | StreamDoorbell | PipeDoorbell | Introductions | Monitors | Log | LargeMessages |
		ExactlyOnce | OutlivesHost
)

// Hello is what a peer says first.
type Hello struct {
	Features        uint64
	PID             uint32
	WantedRingBytes uint64
	Language        string
	Name            string
	Token           string
	Schema          string
}

// Encode refuses what would make no hello.
func (h Hello) Encode() ([]byte, error) {
	for _, text := range []struct {
		field, value string
		most         int
		valid        func(string) bool
	}{
		{"language", h.Language, maxLanguageBytes, isName},
		{"name", h.Name, maxNameBytes, isOptionalName},
		{"token", h.Token, maxTokenBytes, isOptionalName},
		{"schema", h.Schema, maxSchemaBytes, isProse},
	} {
		if len(text.value) > text.most {
			return nil, fmt.Errorf("the %s is longer than %d bytes", text.field, text.most)
		}
		if !text.valid(text.value) {
			return nil, fmt.Errorf("the %s is not UTF-8, or holds a control character", text.field)
		}
	}
	if h.WantedRingBytes != 0 && !ring.IsRingSize(h.WantedRingBytes) {
		return nil, fmt.Errorf("a ring of %d bytes: it must be a power of two from %d to %d",
			h.WantedRingBytes, ring.MinRingBytes, ring.MaxRingBytes)
	}
	bytes := binary.LittleEndian.AppendUint32(nil, helloMagic)
	bytes = binary.LittleEndian.AppendUint16(bytes, protocolVersion)
	bytes = binary.LittleEndian.AppendUint16(bytes, protocolVersion)
	bytes = binary.LittleEndian.AppendUint64(bytes, h.Features)
	bytes = binary.LittleEndian.AppendUint32(bytes, h.PID)
	bytes = binary.LittleEndian.AppendUint64(bytes, h.WantedRingBytes)
	for _, text := range []string{h.Language, h.Name, h.Token, h.Schema} {
		bytes = appendText(bytes, text)
	}
	return bytes, nil
}

// RefusalCode says why a handshake failed.
type RefusalCode uint16

// BadSegment is what a peer says: a segment is missing, has the wrong size, or lacks seals.
const BadSegment RefusalCode = 11

// IsForNow tells whether the host may think otherwise soon: one that has begun to listen does not await everybody yet.
func (c RefusalCode) IsForNow() bool { return c == UnknownName || c == TooSlow || c == Busy }

func (c RefusalCode) String() string {
	names := [...]string{"not a ringmail peer", "malformed handshake", "no version in common", "a feature is missing",
		"the schemas do not match", "impossible ring size", "unknown name", "not allowed", "too slow", "busy",
		"a segment cannot be used"}
	if c < 1 || int(c) > len(names) {
		return "refused for a reason that is not known here"
	}
	return names[c-1]
}

// EncodeRefused makes a refusal, cut and mended so that it arrives.
func EncodeRefused(code RefusalCode, text string) []byte {
	return appendText(binary.LittleEndian.AppendUint16(nil, uint16(code)), mended(text, maxTextBytes))
}

// DecodeRefused reads one of any code.
func DecodeRefused(payload []byte) (RefusalCode, string, error) {
	r := reader{message: KindRefused, rest: payload}
	code, text := RefusalCode(r.u16("code")), r.text("text", maxTextBytes, isProse)
	return code, text, r.finish()
}

// EncodeResolve asks which mailbox has this name.
func EncodeResolve(request uint32, name string) []byte {
	return appendText(binary.LittleEndian.AppendUint32(nil, request), name)
}

// Resolved answers it.
type Resolved struct {
	Request uint32
	Found   bool
	Mailbox uint64
}

// DecodeResolved reads an answer.
func DecodeResolved(payload []byte) (Resolved, error) {
	r := reader{message: KindResolved, rest: payload}
	resolved := Resolved{Request: r.u32("request")}
	found := r.u8("found")
	if resolved.Found = found == 1; found > 1 {
		r.fail("found cannot be %d", found)
	}
	resolved.Mailbox = r.u64("mailbox")
	if !resolved.Found && resolved.Mailbox != 0 {
		r.fail("mailbox cannot be %d", resolved.Mailbox)
	}
	return resolved, r.finish()
}

// DecodeResolve reads a question for a name.
func DecodeResolve(payload []byte) (request uint32, name string, err error) {
	r := reader{message: KindResolve, rest: payload}
	request, name = r.u32("request"), r.text("name", maxNameBytes, isName)
	return request, name, r.finish()
}

// Encode makes the answer to it.
func (a Resolved) Encode() []byte {
	found := byte(0)
	if a.Found {
		found = 1
	}
	bytes := append(binary.LittleEndian.AppendUint32(nil, a.Request), found)
	return binary.LittleEndian.AppendUint64(bytes, a.Mailbox)
}

// Outlive follows a welcome that chose OutlivesHost: for how long the peer is to look for the next host, and where.
type Outlive struct {
	Time  time.Duration
	Path  string
	Token string // of the hello there
}

// DecodeOutlive reads one.
func DecodeOutlive(payload []byte) (Outlive, error) {
	r := reader{message: KindOutlive, rest: payload}
	outlive := Outlive{
		Time:  time.Duration(min(r.u64("time_ns"), math.MaxInt64)),
		Path:  r.text("path", maxPathBytes, isName),
		Token: r.text("token", maxTokenBytes, isName),
	}
	return outlive, r.finish()
}

// DecodeFailure reads last words.
func DecodeFailure(payload []byte) (string, error) {
	r := reader{message: KindFailure, rest: payload}
	text := r.text("text", maxTextBytes, isProse)
	return text, r.finish()
}

// EncodeFailure makes last words, cut and mended so that they arrive.
func EncodeFailure(text string) []byte { return appendText(nil, mended(text, maxTextBytes)) }

// EncodeLog makes lines for the host's log, cut and mended so that they arrive.
func EncodeLog(level uint8, text string) []byte {
	return appendText([]byte{level}, mended(text, maxTextBytes))
}

// EncodeRing says that the thread of this lane sleeps, and there is something for it.
func EncodeRing(lane uint32) []byte { return binary.LittleEndian.AppendUint32(nil, lane) }
