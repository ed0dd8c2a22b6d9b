package ring

import "slices"

// Where a body is, in front of its message: docs/spec/large.md.
const (
	// BodyPlaceBytes is how much longer a message is in the ring that has a body.
	BodyPlaceBytes = 32

	bodyOffsetOffset = 0
	bodyLengthOffset = 8
	bodySlotOffset   = 16 // and the serial above
)

// Arena is the writing end of a lane's arena: loan, place, committed. It knows alone what is free. One goroutine at a time, that
// of the lane's mail.
type Arena struct {
	memory  Memory
	returns Memory
	// Has so many more bytes accounted for: then writing to them cannot fail. False: the machine has none.
	populate func(offset, bytes uint64) bool

	populated  uint64  // as far as that goes
	free       []piece // by offset, and no two of them meet
	slots      []slot
	freeSlots  []uint32
	seen       uint32 // the count of returns, as last read
	unfinished int    // of those that have come back, how many stand in front of the cursor
	fault      Fault
}

type piece struct{ offset, bytes uint64 }

// slot is that of a block until it is free again.
type slot struct {
	piece           // no bytes: free
	length   uint64 // of the body
	end      uint64 // of its frame; 0: a loan
	serial   uint32
	lastWord uint32 // what the consumer's word was when the block was sent
	returned bool
}

// Loan is room for a body.
type Loan struct {
	Bytes  []byte
	slot   uint32
	serial uint32
}

func newArena(memory, returns Memory, populate func(offset, bytes uint64) bool) *Arena {
	return &Arena{
		memory: memory, returns: returns, populate: populate,
		free:      append(make([]piece, 0, ArenaSlots+1), piece{0, memory.Size()}),
		slots:     make([]slot, 0, ArenaSlots),
		freeSlots: make([]uint32, 0, ArenaSlots),
	}
}

// Size in bytes: the most that a body has.
func (a *Arena) Size() uint64 { return a.memory.Size() }

// Fault of the consumer.
func (a *Arena) Fault() Fault { return a.fault }

// TryLoan is room for a body, if there is some. Mail is the ring that its message will go into. Precondition: length <= Size().
func (a *Arena) TryLoan(length uint64, mail *Producer) (Loan, bool) {
	a.collect(mail)
	if a.fault != NoFault || (len(a.freeSlots) == 0 && len(a.slots) == ArenaSlots) {
		return Loan{}, false
	}
	bytes := max((length+PageBytes-1)&^(PageBytes-1), PageBytes) // a body of no bytes has a place, too
	offset, found := a.take(bytes)
	if !found {
		return Loan{}, false
	}
	index := a.takeSlot()
	s := &a.slots[index]
	s.piece, s.length, s.end = piece{offset, bytes}, length, 0
	return Loan{a.memory.Part(offset, bytes).Bytes()[:length:length], index, s.serial}, true
}

// IsOpen tells whether a loan has been neither sent nor cancelled.
func (a *Arena) IsOpen(loan Loan) bool {
	if uint64(loan.slot) >= uint64(len(a.slots)) {
		return false
	}
	s := &a.slots[loan.slot]
	return loan.serial == s.serial && s.bytes != 0 && s.end == 0
}

// Cancel gives an open loan back.
func (a *Arena) Cancel(loan Loan) { a.release(loan.slot) }

// Place writes where an open loan is, in front of its message.
func (a *Arena) Place(loan Loan, room []byte) {
	s := &a.slots[loan.slot]
	at := MemoryOf(room[:BodyPlaceBytes])
	at.plain64(bodyOffsetOffset, s.offset)
	at.plain64(bodyLengthOffset, s.length)
	at.plain64(bodySlotOffset, uint64(loan.slot)|uint64(loan.serial)<<32)
	at.plain64(bodySlotOffset+8, 0)
}

// Sent is called when the message of an open loan has been committed to the mail.
func (a *Arena) Sent(loan Loan, mail *Producer) {
	s := &a.slots[loan.slot]
	s.end, s.returned = mail.next, false
}

// collect frees what has been given back, and whose frame is finished.
func (a *Arena) collect(mail *Producer) {
	// SYNC(want): after the store of want, with the addition in Bodies.GiveBack.
	count := a.returns.load32(returnsCountOffset)
	if (count == a.seen && a.unfinished == 0) || a.fault != NoFault {
		return
	}
	a.seen, a.unfinished = count, 0
	// Once: what has been finished meanwhile is seen the next time.
	if !mail.refreshCursor() {
		return
	}
	for index := range a.slots {
		s := &a.slots[index]
		if s.bytes == 0 || s.end == 0 {
			continue
		}
		if !s.returned {
			// SYNC(returns): with the store in Bodies.GiveBack; its readers are done with the block.
			word := a.returns.load32(serialsOffset + 4*uint64(index))
			if word == s.lastWord {
				continue
			}
			if word != s.serial {
				a.fault = BodyReturnedWrongly
				return
			}
			s.returned, s.lastWord = true, word
		}
		if s.end <= mail.cursor {
			a.release(uint32(index))
		} else {
			a.unfinished++
		}
	}
}

func (a *Arena) release(index uint32) {
	s := &a.slots[index]
	a.give(s.piece)
	s.piece = piece{}
	a.freeSlots = append(a.freeSlots, index)
}

// takeSlot gives it the next serial. There is one.
func (a *Arena) takeSlot() (index uint32) {
	if last := len(a.freeSlots) - 1; last >= 0 {
		index = a.freeSlots[last]
		a.freeSlots = a.freeSlots[:last]
	} else {
		index = uint32(len(a.slots))
		a.slots = append(a.slots, slot{})
	}
	// Not the consumer's word.
	s := &a.slots[index]
	for s.serial++; s.serial == 0 || s.serial == s.lastWord; s.serial++ {
	}
	return index
}

// take is the smallest piece that is large enough and, of these, the first: what was in use before is used again, and the large
// pieces stay whole.
func (a *Arena) take(bytes uint64) (offset uint64, found bool) {
	best := -1
	for i, free := range a.free {
		if free.bytes >= bytes && (best < 0 || free.bytes < a.free[best].bytes) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	from := &a.free[best]
	if end := from.offset + bytes; end > a.populated {
		// All behind is one free piece, which this is the beginning of.
		if !a.populate(a.populated, end-a.populated) {
			return 0, false
		}
		a.populated = end
	}
	offset = from.offset
	from.offset += bytes
	if from.bytes -= bytes; from.bytes == 0 {
		a.free = slices.Delete(a.free, best, best+1)
	}
	return offset, true
}

// give has a piece join those on both sides of it.
func (a *Arena) give(back piece) {
	next, _ := slices.BinarySearchFunc(a.free, back, func(p, q piece) int {
		if p.offset < q.offset {
			return -1
		}
		return 1
	})
	meetsNext := next < len(a.free) && back.offset+back.bytes == a.free[next].offset
	if next > 0 && a.free[next-1].offset+a.free[next-1].bytes == back.offset {
		a.free[next-1].bytes += back.bytes
		if meetsNext {
			a.free[next-1].bytes += a.free[next].bytes
			a.free = slices.Delete(a.free, next, next+1)
		}
		return
	}
	if meetsNext {
		a.free[next].offset, a.free[next].bytes = back.offset, back.bytes+a.free[next].bytes
		return
	}
	a.free = slices.Insert(a.free, next, back)
}
