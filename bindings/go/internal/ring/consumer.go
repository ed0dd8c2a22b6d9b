package ring

// Frame is one that was read and checked. The payload is the shared memory itself.
type Frame struct {
	Head
	Payload []byte
}

// Consumer is the reading end of a ring: peek, begin, advance, store the cursor. One goroutine at a time.
type Consumer struct {
	memory memories
	mask   uint64

	position   uint64
	stored     uint64 // the cursor as last stored
	resumeTail uint64
	bytes      uint64 // of the frame at position, once peeked
	attempt    uint32
	sequence   uint16
	fault      Fault
}

// newConsumer starts where the consumer block says: at position 0 of a new ring, or where the last incarnation's cursor stood.
func newConsumer(memory memories) Consumer {
	own := memory.consumer
	position := own.load64(cursorOffset)
	c := Consumer{
		memory:     memory,
		mask:       memory.data.Size() - 1,
		position:   position,
		stored:     position,
		resumeTail: own.load64(resumeTailOffset),
		attempt:    own.load32(attemptOffset),
		sequence:   uint16(own.load32(resumeSequenceOffset)),
	}
	if position%LineBytes != 0 {
		c.fault = CursorUnaligned
	}
	return c
}

// Empty tells whether there is nothing to read: one load of the word that the producer will write next.
func (c *Consumer) Empty() bool { return c.memory.data.load64(c.position&c.mask) == 0 }

// Peek is the next frame. False: nothing there, or Fault says what is wrong with it.
func (c *Consumer) Peek() (frame Frame, ok bool) {
	ok = c.PeekInto(&frame)
	return frame, ok
}

// PeekInto is Peek to where the frame is wanted, which stays as it is where there is none. A frame that is returned is copied by wider
// loads than it was just stored with: each waits until those stores have left the processor's buffer, which is most of what a message
// costs.
func (c *Consumer) PeekInto(frame *Frame) bool {
	data := c.memory.data
	for {
		offset := c.position & c.mask
		// SYNC(frame): with the store in Producer.Publish. The only load of this word: what is checked is what is used.
		// SYNC(park): ordered for the poll between marking the park word and sleeping.
		commit := data.load64(offset)
		if commit == 0 || c.fault != NoFault {
			return false
		}
		length, kind := uint32(commit), Kind(commit>>32)
		bytes := frameBytes(uint64(length))
		if c.fault = c.check(kind, uint16(commit>>48), offset, bytes); c.fault != NoFault {
			return false
		}
		c.bytes = bytes
		if kind == Padding {
			c.step()
			continue
		}
		// Atomic, so that one load it stays; the order comes from the load of the commit word.
		typeAndCorrelation := data.load64(offset + typeOffset)
		frame.Kind = kind
		frame.Type, frame.Correlation = uint32(typeAndCorrelation), uint32(typeAndCorrelation>>32)
		frame.Target, frame.Sender = data.load64(offset+targetOffset), data.load64(offset+senderOffset)
		frame.Payload = data.bytes(offset+headerBytes, length)
		return true
	}
}

// Begin says which frame a handler is about to work on, for whoever asks after a hang or a death. It orders nothing: a plain
// store of a whole word, because an atomic one would be a barrier for each message.
func (c *Consumer) Begin() { c.memory.consumer.plain64(inHandOffset, c.position+1) }

// Advance goes past the frame that Peek gave. Its payload may be read until the cursor is stored.
func (c *Consumer) Advance() {
	c.step()
	c.attempt = 0
}

// CursorDue tells whether a quarter of the ring has been finished since the last store, so that a producer that waits for room
// and a consumer that never runs dry meet. In the stretch that a dead predecessor may have seen it is due after every message.
func (c *Consumer) CursorDue() bool {
	return c.position-c.stored >= (c.mask+1)/4 || (c.position <= c.resumeTail && c.position != c.stored)
}

// StoreCursor stores the cursor if it moved. True: the producer sleeps until there is room, and must be rung.
func (c *Consumer) StoreCursor() bool {
	if c.stored == c.position {
		return false
	}
	c.stored = c.position
	// Plain: ordered by the cursor. On its line, so that it costs nothing; between two peers it is read (see survey).
	c.memory.consumer.plain32(sequenceOffset, uint32(c.sequence))
	// SYNC(cursor): with the load in Producer.refreshCursor.
	// SYNC(want): ordered before the load of want; with Producer.WantRoom.
	c.memory.consumer.store64(cursorOffset, c.position)
	return c.memory.producer.load32(wantOffset) != 0
}

// Fault of the producer.
func (c *Consumer) Fault() Fault { return c.fault }

// Position of the next frame.
func (c *Consumer) Position() uint64 { return c.position }

// Behind is the position behind the frame that Peek gave.
func (c *Consumer) Behind() uint64 { return c.position + c.bytes }

// Redelivers tells whether a predecessor may have seen the frame at the position.
func (c *Consumer) Redelivers() bool { return c.position < c.resumeTail }

// IsStillInHand tells, of one that has come to the next host, whether the frame at the position is the very one that this process had
// in hand when it left the ring of the host before.
func (c *Consumer) IsStillInHand() bool {
	return c.memory.consumer.load64(attemptedOffset) == c.position+1
}

// Attempt is how many predecessors died with the frame at the position in hand.
func (c *Consumer) Attempt() uint32 { return c.attempt }

func (c *Consumer) step() {
	c.position += c.bytes
	c.sequence++
}

func (c *Consumer) check(kind Kind, sequence uint16, offset, bytes uint64) Fault {
	capacity := c.mask + 1
	switch {
	case sequence != c.sequence:
		return SequenceGap
	case kind < Padding || kind > Large:
		return UnknownKind
	case bytes > capacity/2:
		return FrameTooLong
	case offset+bytes > capacity:
		return FramePastEnd
	case kind == Padding && offset+bytes != capacity:
		return PaddingLength
	}
	return NoFault
}
