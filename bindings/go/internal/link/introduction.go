package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"ringmail.dev/ringmail/internal/ring"
)

// Introduce names the lane to another peer, and has its memory: docs/spec/peers.md.
type Introduce struct {
	Lane         uint32
	Name         string // of the other
	MailBytes    uint64
	ControlBytes uint64
}

// DecodeIntroduce reads one.
func DecodeIntroduce(payload []byte) (Introduce, error) {
	r := reader{message: KindIntroduce, rest: payload}
	introduce := Introduce{Lane: r.u32("lane"), Name: r.text("name", maxNameBytes, isName)}
	for _, size := range []struct {
		field string
		into  *uint64
	}{{"mail_bytes", &introduce.MailBytes}, {"control_bytes", &introduce.ControlBytes}} {
		if *size.into = r.u64(size.field); r.err == nil && !ring.IsRingSize(*size.into) {
			r.fail("%s cannot be %d", size.field, *size.into)
		}
	}
	return introduce, r.finish()
}

// EncodeIntroduced says that a lane is polled or, with a text, that it is not and why.
func EncodeIntroduced(lane uint32, text string) []byte {
	return appendText(binary.LittleEndian.AppendUint32(nil, lane), mended(text, maxTextBytes))
}

// State of the other peer on a lane.
type State uint8

const (
	Away  State = iota // its process is dead, and another one is to come
	There              // until something else is told
	Ended              // there is none any more
)

// DecodePresence reads what has become of the other.
func DecodePresence(payload []byte) (lane uint32, state State, err error) {
	r := reader{message: KindPresence, rest: payload}
	lane, state = r.u32("lane"), State(r.u8("state"))
	if r.err == nil && state > Ended {
		r.fail("state cannot be %d", state)
	}
	return lane, state, r.finish()
}

// Meet maps the memory of an introduction, checked like that of a welcome, and takes up what a predecessor left there. The descriptors
// are the caller's. Unmap gives the memory back.
func Meet(introduce Introduce, descriptors []int) (lane *ring.Lane, unmap func(), err error) {
	if len(descriptors) != 4 {
		return nil, nil, fmt.Errorf("%d descriptors came with an introduction, not 4", len(descriptors))
	}
	side := ring.LayoutBetweenPeers(introduce.MailBytes, introduce.ControlBytes).PeerBytes()
	var mine, theirs, bell ring.Memory
	var mapped Mapped
	pipe := -1
	unmapAll := func() {
		mapped.Unmap()
		if pipe >= 0 {
			_ = syscall.Close(pipe)
		}
	}
	defer func() {
		if err != nil {
			unmapAll()
		}
	}()
	for i, segment := range []struct {
		what  string
		into  *ring.Memory
		bytes uint64
		write int
	}{
		{"its own side", &mine, side, syscall.PROT_WRITE},
		{"the other side", &theirs, side, 0},
		{"the other's bell", &bell, ring.BellBytes, syscall.PROT_WRITE},
	} {
		*segment.into, err = mapSegment(descriptors[i], segment.bytes, segment.bytes, sharedWriter, syscall.PROT_READ|segment.write)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", segment.what, err)
		}
		mapped.mapped = append(mapped.mapped, *segment.into)
	}
	if pipe, err = openPipe(descriptors[3]); err != nil {
		return nil, nil, fmt.Errorf("the other's doorbell: %w", err)
	}
	lane, ok := ring.LaneBetween(introduce.MailBytes, introduce.ControlBytes, mine, theirs, bell, pipe)
	if !ok {
		return nil, nil, errors.New("what a predecessor has left in its rings is impossible")
	}
	return lane, unmapAll, nil
}
