package link

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"ringmail.dev/ringmail/internal/ring"
)

const addSeals = 1033 // F_ADD_SEALS

// segment is memory that this process, as a host, has made.
type segment struct {
	descriptor int
	mapped     []byte
}

func (s segment) memory() ring.Memory { return ring.MemoryOf(s.mapped) }

func (s *segment) close() {
	if s.mapped != nil {
		_ = syscall.Munmap(s.mapped)
		_ = syscall.Close(s.descriptor)
		s.mapped = nil
	}
}

// makeSegment is mapped and then sealed, before anybody else sees it. Its pages are there: writing to them cannot fail.
func makeSegment(name string, bytes uint64, seals int) (segment, error) {
	descriptor, err := memfd("ringmail." + name)
	if err != nil {
		return segment{}, fmt.Errorf("no memory for the segment %s: %w", name, err)
	}
	s := segment{descriptor: descriptor}
	err = syscall.Ftruncate(descriptor, int64(bytes))
	if err == nil {
		err = populate(descriptor, 0, bytes)
	}
	if err == nil {
		s.mapped, err = syscall.Mmap(descriptor, 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	}
	if err == nil {
		err = seal(descriptor, seals)
	}
	if err != nil {
		_ = syscall.Close(descriptor)
		return segment{}, fmt.Errorf("no memory for the segment %s: %w", name, err)
	}
	return s, nil
}

func memfd(name string) (int, error) {
	numbers := map[string]uintptr{"amd64": 319, "arm64": 279} // SYS_MEMFD_CREATE
	const closeOnExecAllowSealing = 3
	text, err := syscall.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	descriptor, _, errno := syscall.Syscall(numbers[runtime.GOARCH], uintptr(unsafe.Pointer(text)), closeOnExecAllowSealing, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(descriptor), nil
}

func seal(descriptor, seals int) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(descriptor), addSeals, uintptr(seals)); errno != 0 {
		return errno
	}
	return nil
}

// populate has pages accounted for.
func populate(descriptor int, offset, bytes uint64) error {
	for {
		if err := syscall.Fallocate(descriptor, 0, int64(offset), int64(bytes)); err != syscall.EINTR {
			return err
		}
	}
}

// MailMemory is that of the mail to a peer, which outlives the peer.
type MailMemory struct {
	Layout ring.Layout
	mail   segment
}

// MakeMail makes it, of one lane without arenas.
func MakeMail(mailBytes, controlBytes uint64) (*MailMemory, error) {
	layout := ring.LayoutBetweenPeers(mailBytes, controlBytes)
	mail, err := makeSegment("mail", layout.MailBytes(), noWriters)
	if err != nil {
		return nil, err
	}
	return &MailMemory{layout, mail}, nil
}

// Unmap gives it back.
func (m *MailMemory) Unmap() { m.mail.close() }

// Incarnation is the rest of the memory of a link, fresh for each life of the peer. The host keeps its bells to itself.
type Incarnation struct {
	mail               *MailMemory
	host, peer         segment
	parked, peerBells  segment
	doorbell, wakePipe int // the ends that the peer reads, and the host writes; -1: it sleeps on its futex
}

// MakeIncarnation makes it for a peer that sleeps on a pipe, or does not.
func MakeIncarnation(mail *MailMemory, withPipe bool) (*Incarnation, error) {
	layout := mail.Layout
	made := &Incarnation{mail: mail, doorbell: -1, wakePipe: -1}
	for _, each := range []struct {
		into  *segment
		name  string
		bytes uint64
		seals int
	}{
		{&made.host, "host", layout.HostBytes(), noWriters},
		{&made.peer, "peer", layout.PeerBytes(), sizeSeals},
		{&made.parked, "parked", layout.HostParkedBytes(), noWriters},
		{&made.peerBells, "bell", ring.BellBytes, sharedWriter},
	} {
		var err error
		if *each.into, err = makeSegment(each.name, each.bytes, each.seals); err != nil {
			made.Unmap()
			return nil, err
		}
	}
	if withPipe {
		var ends [2]int
		if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
			made.Unmap()
			return nil, fmt.Errorf("the host cannot make a pipe: %w", err)
		}
		made.doorbell, made.wakePipe = ends[0], ends[1]
	}
	return made, nil
}

// Resume goes on where the mail's last consumer left off. Before the welcome.
func (i *Incarnation) Resume(mail *ring.Producer, left ring.Unfinished, attempt uint32) {
	mail.WriteResume(i.peer.memory(), left, attempt)
}

// Lane is this end of it, and the mirror that shows the peer when this end sleeps.
func (i *Incarnation) Lane() (lane *ring.Lane, mirror ring.Memory) {
	segments := ring.Segments{Mail: i.mail.mail.memory(), Host: i.host.memory(), Peer: i.peer.memory()}
	bell := ring.NewPipeDoorbell(i.peerBells.memory(), i.wakePipe)
	return i.mail.Layout.HostLane(segments, 0, bell), i.parked.memory()
}

// Seal is called after the peer's ready: nobody else will ever write what it writes.
func (i *Incarnation) Seal() error {
	if err := syscall.Mprotect(i.peer.mapped, syscall.PROT_READ); err != nil {
		return err
	}
	return seal(i.peer.descriptor, noWriters)
}

// segments are the welcome's, with their descriptors.
func (i *Incarnation) segments() (segments []Segment, descriptors []int) {
	for _, each := range []struct {
		role Role
		from segment
	}{
		{RoleMail, i.mail.mail}, {RoleHost, i.host}, {RolePeer, i.peer}, {RoleHostParked, i.parked}, {RolePeerBells, i.peerBells},
	} {
		segments = append(segments, Segment{each.role, uint64(len(each.from.mapped)), uint32(each.from.descriptor)})
		descriptors = append(descriptors, each.from.descriptor)
	}
	if i.doorbell >= 0 {
		segments = append(segments, Segment{RoleDoorbell, ring.PageBytes, uint32(i.doorbell)})
		descriptors = append(descriptors, i.doorbell)
	}
	return segments, descriptors
}

// Unmap gives all of it back but the mail.
func (i *Incarnation) Unmap() {
	for _, each := range []*segment{&i.host, &i.peer, &i.parked, &i.peerBells} {
		each.close()
	}
	if i.doorbell >= 0 {
		_, _ = syscall.Close(i.doorbell), syscall.Close(i.wakePipe)
		i.doorbell, i.wakePipe = -1, -1
	}
}
