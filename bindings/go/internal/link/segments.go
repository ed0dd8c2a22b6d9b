package link

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"ringmail.dev/ringmail/internal/ring"
)

const (
	getSeals = 1034 // F_GET_SEALS

	sealSeal        = 1
	sealShrink      = 2
	sealGrow        = 4
	sealFutureWrite = 16

	sizeSeals    = sealShrink | sealGrow
	noWriters    = sizeSeals | sealFutureWrite | sealSeal
	sharedWriter = sizeSeals | sealSeal
)

// Mapped is the memory of a link.
type Mapped struct {
	ring.Segments
	Doorbell *os.File // nil: the peer sleeps on its futex

	mapped []ring.Memory
	arena  int // a descriptor, where there is an arena to the host; 0: none
}

// Unmap gives it back. Nothing that lay in there may be touched any more.
func (m *Mapped) Unmap() {
	for _, memory := range m.mapped {
		_ = syscall.Munmap(memory.Bytes())
	}
	m.mapped = nil
	if m.Doorbell != nil {
		_ = m.Doorbell.Close()
	}
	if m.arena != 0 {
		_ = syscall.Close(m.arena)
		m.arena = 0
	}
}

// Map checks each segment's size and seals, so that reading it cannot fail later, and maps it.
func Map(welcome Welcome, descriptors []int) (mapped Mapped, err error) {
	defer func() {
		if err != nil {
			mapped.Unmap()
		}
	}()
	layout := welcome.Layout
	for i, segment := range welcome.Segments {
		var into *ring.Memory
		var bytes uint64
		var seals uintptr
		protection := syscall.PROT_READ
		switch segment.Role {
		case RoleMail:
			into, bytes, seals = &mapped.Mail, layout.MailBytes(), noWriters
		case RoleHost:
			into, bytes, seals = &mapped.Host, layout.HostBytes(), noWriters
		case RolePeer:
			into, bytes, seals = &mapped.Peer, layout.PeerBytes(), sizeSeals
			protection |= syscall.PROT_WRITE
		case RoleHostBells:
			into, bytes, seals = &mapped.HostBells, layout.HostBellsBytes(), sharedWriter
			protection |= syscall.PROT_WRITE
		case RolePeerBells:
			into, bytes, seals = &mapped.PeerBells, ring.BellBytes, sharedWriter
			protection |= syscall.PROT_WRITE
		case RoleHostParked:
			into, bytes, seals = &mapped.HostParked, layout.HostParkedBytes(), noWriters
		case RoleArenaToPeer:
			into, bytes, seals = &mapped.ArenaToPeer, layout.ArenaToPeer(), noWriters
		case RoleArenaToHost:
			into, bytes, seals = &mapped.ArenaToHost, layout.ArenaToHost(), sizeSeals
			protection |= syscall.PROT_WRITE
			if mapped.arena, err = copyOf(descriptors[i]); err != nil {
				mapped.arena = 0
				return mapped, fmt.Errorf("segment %v: %w", segment.Role, err)
			}
			mapped.PopulateToHost = populates(mapped.arena)
		case RoleDoorbell:
			if mapped.Doorbell, err = openDoorbell(descriptors[i]); err != nil {
				return mapped, fmt.Errorf("segment %v: %w", segment.Role, err)
			}
			continue
		}
		if *into, err = mapSegment(descriptors[i], segment.Bytes, bytes, seals, protection); err != nil {
			return mapped, fmt.Errorf("segment %v: %w", segment.Role, err)
		}
		mapped.mapped = append(mapped.mapped, *into)
	}
	return mapped, nil
}

func mapSegment(descriptor int, announced, needed uint64, seals uintptr, protection int) (ring.Memory, error) {
	var status syscall.Stat_t
	if err := syscall.Fstat(descriptor, &status); err != nil {
		return ring.Memory{}, fmt.Errorf("cannot ask for its size: %w", err)
	}
	if uint64(status.Size) != announced || announced != needed {
		return ring.Memory{}, fmt.Errorf("it has %d bytes, %d were announced, and %d are due", status.Size, announced, needed)
	}
	has, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(descriptor), getSeals, 0)
	if errno != 0 {
		return ring.Memory{}, fmt.Errorf("it cannot be sealed: %w", errno)
	}
	if has&seals != seals {
		return ring.Memory{}, fmt.Errorf("it has the seals %#x and needs %#x", has, seals)
	}
	bytes, err := syscall.Mmap(descriptor, 0, int(needed), protection, syscall.MAP_SHARED)
	if err != nil {
		return ring.Memory{}, fmt.Errorf("cannot map it: %w", err)
	}
	return ring.MemoryOf(bytes), nil
}

// populates has pages of the arena accounted for as they are needed.
func populates(descriptor int) func(offset, bytes uint64) bool {
	return func(offset, bytes uint64) bool { return populate(descriptor, offset, bytes) == nil }
}

func copyOf(descriptor int) (int, error) {
	copied, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(descriptor), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(copied), nil
}

func openDoorbell(descriptor int) (*os.File, error) {
	pipe, err := openPipe(descriptor)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(pipe), "ringmail doorbell"), nil
}

// openPipe has a copy of the descriptor, which its caller closes, and which does not block: so that the netpoller takes the end
// that is read, and who writes does not wait for a peer that does not read.
func openPipe(descriptor int) (int, error) {
	var status syscall.Stat_t
	if err := syscall.Fstat(descriptor, &status); err != nil || status.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return -1, errors.New("it is not a pipe")
	}
	copied, err := copyOf(descriptor)
	if err != nil {
		return -1, err
	}
	if err := syscall.SetNonblock(copied, true); err != nil {
		_ = syscall.Close(copied)
		return -1, err
	}
	return copied, nil
}

// openOfHost opens the segments where descriptors do not travel: those of a host of the same uid and PID namespace.
func openOfHost(welcome Welcome) ([]int, error) {
	var opened []int
	for _, segment := range welcome.Segments {
		flags := syscall.O_RDWR
		switch segment.Role {
		case RoleMail, RoleHost, RoleHostParked, RoleDoorbell, RoleArenaToPeer:
			flags = syscall.O_RDONLY
		}
		path := fmt.Sprintf("/proc/%d/fd/%d", welcome.HostPID, segment.HostFD)
		descriptor, err := syscall.Open(path, flags|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
		if err != nil {
			return opened, fmt.Errorf("segment %v: %s: %w", segment.Role, path, err)
		}
		opened = append(opened, descriptor)
	}
	return opened, nil
}
