package ring

// Head is what a frame says beside its payload.
type Head struct {
	Kind        Kind
	Type        uint32
	Correlation uint32
	Target      uint64
	Sender      uint64
}

// Producer is the writing end of a ring: loan, commit, publish. One goroutine at a time.
type Producer struct {
	memory memories
	mask   uint64

	tail   uint64 // end of what is published
	next   uint64 // end of the open batch
	zeroed uint64 // if beyond next: the first word of every line from next to here is 0
	cursor uint64 // as last read: the consumer has finished at least this much

	committed   uint64 // messages, padding not counted
	published   uint64
	firstCommit uint64 // of the open batch

	padding  uint64 // of the open loan
	length   uint32 // of the open loan
	sequence uint16
	fault    Fault
	loaned   bool
}

// newProducer starts where the producer block says: at position 0 of a new ring, or behind what the host has put there.
func newProducer(memory memories) Producer {
	p := Producer{memory: memory, mask: memory.data.Size() - 1}
	start := memory.producer.load64(startOffset)
	if start%LineBytes != 0 {
		p.fault = CursorUnaligned // the host's, in its words
		return p
	}
	p.tail, p.next, p.zeroed = start, start, start
	p.sequence = uint16(memory.producer.load32(startSequenceOffset))
	return p
}

// resume goes on where a dead producer has left off.
func (p *Producer) resume(left Survey) {
	p.tail, p.next, p.zeroed = left.Tail, left.Tail, left.Tail
	p.cursor, p.sequence = left.cursor, left.tailSequence
}

// MaxPayload is the largest length that may be loaned.
func (p *Producer) MaxPayload() uint64 { return MaxPayload(p.memory.data.Size()) }

// TryLoan is room for a payload, or nil while the ring is too full for it, or the consumer at fault. It holds old bytes.
// Precondition: no loan is open, and length <= MaxPayload().
func (p *Producer) TryLoan(length uint32) []byte {
	frame := frameBytes(uint64(length))
	capacity := p.mask + 1
	padding := uint64(0)
	if toEnd := capacity - p.next&p.mask; frame > toEnd {
		padding = toEnd
	}
	end := p.next + padding + frame + LineBytes
	if end-p.cursor > capacity {
		if !p.refreshCursor() || end-p.cursor > capacity {
			return nil
		}
	}
	p.loaned = true
	p.padding = padding
	p.length = length
	return p.memory.data.bytes((p.next+padding)&p.mask+headerBytes, length)
}

// Cancel gives the open loan back, nothing of it having been seen.
func (p *Producer) Cancel() {
	p.loaned = false
	// What was written to the loan may lie over terminators; the first line's word is not part of a loan.
	p.zeroed = p.next
}

// Commit has the loaned frame join the open batch. Nobody sees it until Publish.
func (p *Producer) Commit(head Head) {
	p.loaned = false
	if p.padding != 0 {
		p.append(Head{Kind: Padding}, uint32(p.padding-headerBytes), p.padding)
	}
	p.append(head, p.length, frameBytes(uint64(p.length)))
	p.committed++
}

// Publish publishes the open batch with one store: all of it or, if this process dies before, none. False if there was none;
// after a true the consumer must be rung.
func (p *Producer) Publish() bool {
	if p.next == p.tail {
		return false
	}
	// Plain, like all words but the last: ordered by the store of the commit word.
	if p.zeroed <= p.next {
		p.writeTerminator(p.next)
	}
	// SYNC(frame): with the load in Consumer.Peek; everything written to the batch is visible to who sees it.
	// SYNC(park): ordered before the load of the consumer's park word and cold mark.
	p.memory.data.store64(p.tail&p.mask, p.firstCommit)
	p.tail = p.next
	p.published = p.committed
	if !p.loaned {
		p.writeTerminatorsAhead()
	}
	return true
}

// HasOpenBatch tells whether there is something to publish.
func (p *Producer) HasOpenBatch() bool { return p.next != p.tail }

// WantRoom tells the consumer that this producer sleeps until the cursor moves, or no longer does. After a true, look whether
// the loan still fails before sleeping.
func (p *Producer) WantRoom(want bool) {
	word := uint32(0)
	if want {
		word = 1
	}
	// SYNC(want): ordered before the load of the cursor in TryLoan; with Consumer.StoreCursor.
	p.memory.producer.store32(wantOffset, word)
}

// ColdMark is what the consumer is marked as: 0, or 1 + the bit to set in its pending set. SYNC(cold)
func (p *Producer) ColdMark() uint32 { return p.memory.consumer.load32(coldOffset) }

// Fault of the consumer.
func (p *Producer) Fault() Fault { return p.fault }

// End is the position of the end of the open batch.
func (p *Producer) End() uint64 { return p.next }

// Capacity of the ring in bytes.
func (p *Producer) Capacity() uint64 { return p.mask + 1 }

// Tail is the position of the end of what is published.
func (p *Producer) Tail() uint64 { return p.tail }

// Published counts messages.
func (p *Producer) Published() uint64 { return p.published }

// refreshCursor reads the consumer's cursor and checks it. False: it is at fault, and so is every later loan that needs room.
func (p *Producer) refreshCursor() bool {
	if p.fault != NoFault {
		return false
	}
	// SYNC(cursor): with the store in Consumer.StoreCursor; what was read before it may be overwritten after this.
	cursor := p.memory.consumer.load64(cursorOffset)
	switch {
	case cursor%LineBytes != 0:
		p.fault = CursorUnaligned
	case cursor < p.cursor:
		p.fault = CursorBackwards
	case cursor > p.tail:
		p.fault = CursorPastTail
	}
	if p.fault != NoFault {
		return false
	}
	p.cursor = cursor
	return true
}

func (p *Producer) append(head Head, length uint32, bytes uint64) {
	offset := p.next & p.mask
	commit := uint64(length) | uint64(head.Kind)<<32 | uint64(p.sequence)<<48
	p.sequence++
	data := p.memory.data
	data.plain64(offset+typeOffset, uint64(head.Type)|uint64(head.Correlation)<<32)
	data.plain64(offset+targetOffset, head.Target)
	data.plain64(offset+senderOffset, head.Sender)
	if p.next == p.tail {
		p.firstCommit = commit
	} else {
		data.plain64(offset, commit)
	}
	p.next += bytes
}

// writeTerminatorsAhead does so while nobody waits for it: the consumer read these lines a lap ago, and fetching one between a
// frame and its commit word would keep it waiting.
func (p *Producer) writeTerminatorsAhead() {
	const linesAhead = 4
	for p.zeroed <= p.tail+linesAhead*LineBytes && p.zeroed+LineBytes-p.cursor <= p.mask+1 {
		p.writeTerminator(p.zeroed)
	}
}

func (p *Producer) writeTerminator(position uint64) {
	p.memory.data.plain64(position&p.mask, 0)
	p.zeroed = position + LineBytes
}
