package ringmail

import (
	"context"
	"encoding/binary"
	"fmt"

	"ringmail.dev/ringmail/internal/ring"
)

// batch is what a message in hand leads to, where the host wants it exactly once: all that is sent and answered goes into the ring of
// mail that the message's lane has to the host, whoever it is for, and is published by one store with the acknowledgement of the
// message, when it is released. The acknowledgement stands first, so that a release need not wait for room.
type batch struct {
	lane            *lane // nil: no message is in hand, or it is not acknowledged so
	isAcknowledging bool
	bytes           uint64 // in it, without padding
	end             uint64 // in the ring, before the last loan, which
	loaned          uint64 // adds so many bytes if it is not cancelled
}

// acknowledgementBytes is what its frame takes.
const acknowledgementBytes = 64

var errAskInBatch = fmt.Errorf(
	"%w: a message is in hand, and what it leads to is sent exactly once, when it is finished: no question before", ErrUnsupported)

// beginBatch: what was sent before has nothing to do with the message, and does not share its fate.
func (p *Peer) beginBatch(lane *lane) {
	p.flush()
	p.batch = batch{lane: lane}
}

func (p *Peer) endBatch() {
	p.dirty = p.dirty || p.batch.lane.MailOut.HasOpenBatch()
	p.batch = batch{}
}

// openInBatch loans room for another frame of it, behind the acknowledgement.
func (p *Peer) openInBatch(ctx context.Context, mayWait bool, size int) ([]byte, error) {
	if err := p.usable(); err != nil {
		return nil, err
	}
	b := &p.batch
	producer := &b.lane.MailOut
	if producer.End() != b.end {
		b.bytes, b.loaned = b.bytes+b.loaned, 0
	}
	// With this it fits into the ring as soon as the host has read what is published, whatever padding it takes.
	most := producer.Capacity()/4 - acknowledgementBytes
	if size < 0 || uint64(size) > most || b.bytes+ring.FrameBytes(uint64(size)) > most {
		return nil, fmt.Errorf(
			"%w: what is sent for one message is more than a quarter of the ring (%d bytes), and the host wants it exactly once",
			ErrTooLong, most)
	}
	if !b.isAcknowledging {
		room, err := p.tryOpen(ctx, mayWait, b.lane, producer, 8)
		if err != nil {
			return nil, err
		}
		binary.LittleEndian.PutUint64(room, b.lane.MailIn.Behind())
		producer.Commit(ring.Head{Kind: ring.Signal, Type: signalAcknowledge})
		b.isAcknowledging = true
	}
	b.end, b.loaned = producer.End(), ring.FrameBytes(uint64(size))
	return p.tryOpen(ctx, mayWait, b.lane, producer, size)
}
