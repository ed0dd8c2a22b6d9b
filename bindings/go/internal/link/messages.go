package link

import (
	"encoding/binary"
	"errors"
	"fmt"

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

	KindIntroduce  Kind = 16
	KindIntroduced Kind = 17
	KindPresence   Kind = 18
)

func (k Kind) isKnown() bool {
	return (k >= KindHello && k <= KindLog) || (k >= KindIntroduce && k <= KindPresence)
}

func (k Kind) String() string {
	names := [...]string{1: "hello", "welcome", "ready", "refused", "resolve", "resolved", "failure", "goodbye", "ring",
		"log", 16: "introduce", "introduced", "presence"}
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

	// Offered is what this binding can do. AsymmetricBarrier is not among it: Go's atomic stores are XCHG and STLR in any
	// case, so it would take no barrier away from this side, and its sleeps would have to pay for a membarrier each.
	Offered = MailOutlivesPeer | StreamDoorbell | PipeDoorbell | Introductions | Monitors | Log | LargeMessages
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

// Role of a segment.
type Role uint8

const (
	RoleMail Role = 1 + iota
	RoleHost
	RolePeer
	RoleHostBells
	RolePeerBells
	RoleHostParked
	RoleDoorbell
	RoleArenaToPeer
	RoleArenaToHost

	roles = 9
)

func (r Role) String() string {
	return [...]string{"mail", "host", "peer", "host_bells", "peer_bells", "host_parked", "doorbell",
		"arena_to_peer", "arena_to_host"}[r-1]
}

// Segment is an entry of a welcome.
type Segment struct {
	Role   Role
	Bytes  uint64
	HostFD uint32
}

// Welcome is what the host answers.
type Welcome struct {
	Version     uint16
	Features    uint64
	Incarnation uint64
	LineBytes   uint32
	Layout      ring.Layout
	Name        string
	Schema      string
	HostPID     uint32
	Segments    []Segment
}

// DecodeWelcome believes nothing: every length has a bound, and no byte may be left over.
func DecodeWelcome(payload []byte) (Welcome, error) {
	r := reader{message: KindWelcome, rest: payload}
	w := Welcome{
		Version:     r.u16("version"),
		Features:    r.u64("features"),
		Incarnation: r.u64("incarnation"),
		LineBytes:   r.u32("line_bytes"),
		Layout: ring.Layout{
			Lanes:           r.u32("lanes"),
			MailToPeerBytes: r.u64("mail_to_peer_bytes"),
			MailToHostBytes: r.u64("mail_to_host_bytes"),
			ControlBytes:    r.u64("control_bytes"),
		},
		Name:    r.text("name", maxNameBytes, isName),
		Schema:  r.text("schema", maxSchemaBytes, isProse),
		HostPID: r.u32("host_pid"),
	}
	count := r.u8("segments")
	if count > maxDescriptors {
		r.fail("segments is too long (%d)", count)
	}
	for i := uint8(0); i < count && r.err == nil; i++ {
		segment := Segment{Role(r.u8("segment role")), r.u64("segment bytes"), r.u32("segment host_fd")}
		if segment.Role < RoleMail || segment.Role > roles {
			r.fail("segment role cannot be %d", uint8(segment.Role))
		}
		w.Segments = append(w.Segments, segment)
		switch lanes := uint64(max(w.Layout.Lanes, 1)); segment.Role {
		case RoleArenaToPeer:
			w.Layout.ArenaToPeerBytes = segment.Bytes / lanes
		case RoleArenaToHost:
			w.Layout.ArenaToHostBytes = segment.Bytes / lanes
		}
	}
	return w, r.finish()
}

// Check is the peer's verdict on what can be seen without a look at the descriptors.
func (w Welcome) Check(offered uint64) error {
	if w.Version != protocolVersion {
		return fmt.Errorf("the host chose version %d, this peer speaks %d", w.Version, protocolVersion)
	}
	if extra := w.Features &^ offered; extra != 0 {
		return fmt.Errorf("the host chose features that were not offered: %#x", extra)
	}
	if w.LineBytes != ring.LineBytes {
		return fmt.Errorf("the host's frames start every %d bytes, this peer's every %d", w.LineBytes, ring.LineBytes)
	}
	if w.Layout.Lanes < 1 || w.Layout.Lanes > ring.MaxLanes {
		return fmt.Errorf("the host has %d lanes, the most is %d", w.Layout.Lanes, ring.MaxLanes)
	}
	for _, bytes := range []uint64{w.Layout.MailToPeerBytes, w.Layout.MailToHostBytes, w.Layout.ControlBytes} {
		if !ring.IsRingSize(bytes) {
			return fmt.Errorf("%d bytes are no ring", bytes)
		}
	}
	if both := uint64(LargeMessages | StreamDoorbell); w.Features&both == both {
		return errors.New("the host chose large, and does not share its bells")
	}
	var seen [roles + 1]bool
	for _, segment := range w.Segments {
		if seen[segment.Role] {
			return fmt.Errorf("segment %v was named twice", segment.Role)
		}
		seen[segment.Role] = true
		if segment.Bytes == 0 || segment.Bytes%ring.PageBytes != 0 {
			return fmt.Errorf("segment %v of %d bytes, not whole pages", segment.Role, segment.Bytes)
		}
		isArena := segment.Role == RoleArenaToPeer || segment.Role == RoleArenaToHost
		if part := segment.Bytes / uint64(w.Layout.Lanes); isArena &&
			(segment.Bytes%uint64(w.Layout.Lanes) != 0 || part%ring.PageBytes != 0 || part > ring.MaxArenaBytes) {
			return fmt.Errorf("segment %v of %d bytes, not whole pages for each of %d lanes",
				segment.Role, segment.Bytes, w.Layout.Lanes)
		}
	}
	for role := RoleMail; role <= roles; role++ {
		if due := w.isDue(role); due && !seen[role] {
			return fmt.Errorf("no segment %v", role)
		} else if !due && seen[role] {
			return fmt.Errorf("a segment too many: %v", role)
		}
	}
	return nil
}

// The host shares its bells, or else only when they sleep.
func (w Welcome) isDue(role Role) bool {
	switch role {
	case RoleHostBells:
		return w.Features&StreamDoorbell == 0
	case RoleHostParked:
		return w.Features&StreamDoorbell != 0
	case RoleDoorbell:
		return w.Features&PipeDoorbell != 0
	case RoleArenaToPeer, RoleArenaToHost:
		return w.Features&LargeMessages != 0
	}
	return true
}

// RefusalCode says why a handshake failed.
type RefusalCode uint16

// BadSegment is what a peer says: a segment is missing, has the wrong size, or lacks seals.
const BadSegment RefusalCode = 11

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

// EncodeFailure makes last words, cut and mended so that they arrive.
func EncodeFailure(text string) []byte { return appendText(nil, mended(text, maxTextBytes)) }

// EncodeLog makes lines for the host's log, cut and mended so that they arrive.
func EncodeLog(level uint8, text string) []byte {
	return appendText([]byte{level}, mended(text, maxTextBytes))
}

// EncodeRing says that the thread of this lane sleeps, and there is something for it.
func EncodeRing(lane uint32) []byte { return binary.LittleEndian.AppendUint32(nil, lane) }
