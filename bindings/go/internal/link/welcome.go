package link

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ringmail.dev/ringmail/internal/ring"
)

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

// Encode makes the welcome's payload.
func (w Welcome) Encode() []byte {
	b := binary.LittleEndian.AppendUint16(nil, w.Version)
	b = binary.LittleEndian.AppendUint64(b, w.Features)
	b = binary.LittleEndian.AppendUint64(b, w.Incarnation)
	b = binary.LittleEndian.AppendUint32(b, w.LineBytes)
	b = binary.LittleEndian.AppendUint32(b, w.Layout.Lanes)
	for _, bytes := range []uint64{w.Layout.MailToPeerBytes, w.Layout.MailToHostBytes, w.Layout.ControlBytes} {
		b = binary.LittleEndian.AppendUint64(b, bytes)
	}
	b = appendText(appendText(b, w.Name), w.Schema)
	b = append(binary.LittleEndian.AppendUint32(b, w.HostPID), byte(len(w.Segments)))
	for _, segment := range w.Segments {
		b = binary.LittleEndian.AppendUint64(append(b, byte(segment.Role)), segment.Bytes)
		b = binary.LittleEndian.AppendUint32(b, segment.HostFD)
	}
	return b
}
