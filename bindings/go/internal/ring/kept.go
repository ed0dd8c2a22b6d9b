package ring

// What a host does with mail that outlives its peer.

// Unfinished is what the consumer has not finished.
type Unfinished struct {
	Cursor   uint64 // where the first message starts, behind its padding; the tail if there is none
	Messages uint64
	sequence uint16 // of the frame at the cursor
}

// Unfinished counts by the cursor as it now stands. It reads this producer's own frames from the last cursor known to be good, so a
// cursor that is not on a frame boundary is found out: then the last good one counts. Precondition: no open batch.
func (p *Producer) Unfinished() Unfinished {
	known := p.cursor
	p.refreshCursor()
	if found, ok := p.framesFrom(known, p.cursor); ok {
		return found
	}
	// Either this cursor or, checked for all but this, an earlier one lies inside a frame. From an earlier one nothing can be read
	// any more: what it passed over has been overwritten since.
	p.fault = CursorUnaligned
	if found, ok := p.framesFrom(known, known); ok {
		p.cursor = known
		return found
	}
	p.cursor = p.tail
	return Unfinished{Cursor: p.tail, sequence: p.sequence}
}

// framesFrom counts from the cursor on, reading frame by frame from an earlier position to the tail. False: one of the two is not
// where a frame starts.
func (p *Producer) framesFrom(from, cursor uint64) (Unfinished, bool) {
	found := Unfinished{Cursor: cursor, sequence: p.sequence}
	sequence, isBoundary := p.sequence, cursor == p.tail
	at := from
	for at < p.tail {
		commit := p.memory.data.load64(at & p.mask)
		if at != from && uint16(commit>>48) != sequence {
			return found, false
		}
		sequence = uint16(commit>>48) + 1
		isBoundary = isBoundary || at == cursor
		if at >= cursor && Kind(commit>>32) != Padding {
			if found.Messages == 0 {
				found.Cursor, found.sequence = at, uint16(commit>>48)
			}
			found.Messages++
		}
		at += frameBytes(uint64(uint32(commit)))
	}
	return found, at == p.tail && isBoundary && sequence == p.sequence
}

// InHand is the position of the frame that the consumer's handler worked on last, or one that no frame has. It is the consumer's
// word, unchecked.
func (p *Producer) InHand() uint64 { return p.memory.consumer.load64(inHandOffset) - 1 }

// TakeOver goes on in the ring of another producer, whose consumer is no more, towards this one's. A fault of that consumer is
// forgotten with it.
func (p *Producer) TakeOver(other *Producer) {
	memory, mask := p.memory, p.mask
	*p = *other // of mail to which nothing was ever written all of it is 0
	p.memory, p.mask = memory, mask
	p.fault = NoFault
	p.committed, p.published = 0, 0
}

// WriteResume says to the next consumer of the mail to a peer where it starts, and how many died with the frame there in hand. The
// memory is that of the peer's side, before anybody else has it.
func (p *Producer) WriteResume(peer Memory, left Unfinished, attempt uint32) {
	peer.store64(cursorOffset, left.Cursor)
	peer.store64(resumeTailOffset, p.tail)
	peer.store32(resumeSequenceOffset, uint32(left.sequence))
	peer.store32(attemptOffset, attempt)
}
