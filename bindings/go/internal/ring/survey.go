package ring

// Survey is what stands in a ring whose two ends both outlive it: between two peers nobody else keeps account.
type Survey struct {
	First    uint64 // the first message that is not finished; the tail if there is none
	Tail     uint64
	Messages uint64

	cursor       uint64
	sequence     uint16 // of the frame at the cursor
	tailSequence uint16 // of the frame that will be written next
}

// survey looks from the consumer's cursor on, frame by frame, up to the first commit word that is 0. False: what stands there is
// not allowed.
func survey(data, consumer Memory) (Survey, bool) {
	capacity := data.Size()
	// SYNC(cursor): with the store in Consumer.StoreCursor; the sequence that is read behind it is this cursor's, or a later one's.
	found := Survey{cursor: consumer.load64(cursorOffset)}
	// It counts only where there is no frame at the cursor: then the consumer is at the tail, which does not move while one of
	// the two is dead, or moves by a frame that is then found.
	found.sequence = uint16(consumer.load32(sequenceOffset))
	found.tailSequence = found.sequence
	if found.cursor%LineBytes != 0 {
		return found, false
	}
	at := found.cursor
	for at-found.cursor < capacity {
		offset := at & (capacity - 1)
		// SYNC(frame): with Producer.Publish.
		commit := data.load64(offset)
		if commit == 0 {
			break
		}
		kind, sequence, bytes := Kind(commit>>32), uint16(commit>>48), frameBytes(uint64(uint32(commit)))
		switch {
		case kind < Padding || kind > Large, bytes > capacity/2, offset+bytes > capacity:
			return found, false
		case at == found.cursor:
			found.sequence = sequence
		case sequence != found.tailSequence:
			return found, false
		}
		if kind != Padding {
			if found.Messages == 0 {
				found.First = at
			}
			found.Messages++
		}
		found.tailSequence = sequence + 1
		at += bytes
	}
	// A ring always has room for a terminator.
	if at-found.cursor >= capacity {
		return found, false
	}
	found.Tail = at
	if found.Messages == 0 {
		found.First = at
	}
	return found, true
}
