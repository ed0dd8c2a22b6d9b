// Package ring is what lies in the memory that a host and its peer share: rings, their two ends, and the bells on which they
// sleep. docs/spec/ring.md is the normative text, docs/memory_model.md argues every SYNC that is named here.
package ring

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Memory is a piece of shared memory. This file is the only one that uses unsafe: everything else reads and writes through it.
//
// Go's atomics are sequentially consistent, which is what ring.md calls ordered: on amd64 a store is an XCHG and a load a MOV,
// on arm64 they are STLR and LDAR. So there are no weaker loads and stores here, and a comment says where one would do.
type Memory struct {
	base unsafe.Pointer
	size uint64
}

// MemoryOf is the memory of a slice, which must stay mapped. It must start at a multiple of 8.
func MemoryOf(bytes []byte) Memory {
	memory := Memory{unsafe.Pointer(unsafe.SliceData(bytes)), uint64(len(bytes))}
	if uintptr(memory.base)%8 != 0 {
		panic("ringmail: shared memory that is not aligned to 8 bytes")
	}
	return memory
}

// Size in bytes.
func (m Memory) Size() uint64 { return m.size }

// Part is `size` bytes of it from `offset` on. Both were computed from what was checked: that they fit is a precondition, and
// what stands behind them is never touched by an offset that the other side chose.
func (m Memory) Part(offset, size uint64) Memory {
	if offset > m.size || size > m.size-offset || offset%8 != 0 {
		panic(fmt.Sprintf("ringmail: %d bytes at %d of %d", size, offset, m.size))
	}
	return Memory{unsafe.Add(m.base, offset), size}
}

func (m Memory) at(offset uint64) unsafe.Pointer { return unsafe.Add(m.base, offset) }

// Offsets below are multiples of the width and within the size.

func (m Memory) load64(offset uint64) uint64 { return atomic.LoadUint64((*uint64)(m.at(offset))) }
func (m Memory) store64(offset uint64, value uint64) {
	atomic.StoreUint64((*uint64)(m.at(offset)), value)
}
func (m Memory) load32(offset uint64) uint32 { return atomic.LoadUint32((*uint32)(m.at(offset))) }
func (m Memory) store32(offset uint64, value uint32) {
	atomic.StoreUint32((*uint32)(m.at(offset)), value)
}

func (m Memory) swap32(offset uint64, from, to uint32) bool {
	return atomic.CompareAndSwapUint32((*uint32)(m.at(offset)), from, to)
}

func (m Memory) add32(offset uint64, value uint32) {
	atomic.AddUint32((*uint32)(m.at(offset)), value)
}

// or64 sets bits. atomic.OrUint64 is younger than the Go that this builds with.
func (m Memory) or64(offset, bits uint64) {
	word := (*uint64)(m.at(offset))
	for {
		old := atomic.LoadUint64(word)
		if atomic.CompareAndSwapUint64(word, old, old|bits) {
			return
		}
	}
}

// plain64 writes, by one MOV, what nobody reads before a later atomic store publishes it, or where an old value does no harm.
func (m Memory) plain64(offset, value uint64)        { *(*uint64)(m.at(offset)) = value }
func (m Memory) plain32(offset uint64, value uint32) { *(*uint32)(m.at(offset)) = value }

// bytes is a view whose capacity ends where it ends.
func (m Memory) bytes(offset uint64, length uint32) []byte {
	return unsafe.Slice((*byte)(m.at(offset)), int(length))
}

// Bytes is a view of all of it.
func (m Memory) Bytes() []byte { return unsafe.Slice((*byte)(m.base), int(m.size)) }

// offsetOf is where a view that was given out starts.
func (m Memory) offsetOf(view []byte) uint64 {
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(view))) - uintptr(m.base))
}

// Futexes are not private: the other side is another process.
const (
	futexWaitCommand = 0
	futexWakeCommand = 1
)

// futexWait sleeps while the word has that value, at most so long. It blocks a thread. False: the time is up.
func (m Memory) futexWait(offset uint64, value uint32, timeout time.Duration) bool {
	limit := syscall.NsecToTimespec(int64(timeout))
	_, _, errno := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(m.at(offset)), futexWaitCommand, uintptr(value),
		uintptr(unsafe.Pointer(&limit)), 0, 0)
	return errno != syscall.ETIMEDOUT
}

// futexWake wakes one sleeper. It does not block, so the scheduler need not be told of the call.
func (m Memory) futexWake(offset uint64) {
	_, _, _ = syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(m.at(offset)), futexWakeCommand, 1, 0, 0, 0)
}
