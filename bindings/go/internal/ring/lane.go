package ring

import "encoding/binary"

// Lane is one lane of a link as one side holds it: two rings out, two rings in, and the other side's doorbell.
type Lane struct {
	MailIn, ControlIn   Consumer
	MailOut, ControlOut Producer
	Bell                Doorbell
	BodiesOut           *Arena  // nil: there are none
	BodiesIn            *Bodies // nil: there are none

	stopping bool
	stopAt   uint64 // position in the mail up to which it must be read first
}

// PeerLane is the peer's end of a lane. Where the host does not share its bells, `ring` tells it of that lane.
func (l Layout) PeerLane(segments Segments, index uint32, ring func()) *Lane {
	rings := l.rings(segments, index)
	lane := &Lane{
		MailIn:     newConsumer(rings.mailToPeer),
		ControlIn:  newConsumer(rings.controlToPeer),
		MailOut:    newProducer(rings.mailToHost),
		ControlOut: newProducer(rings.controlToHost),
	}
	if ring != nil {
		lane.Bell = NewMirroredDoorbell(segments.HostParked.Part(uint64(index)*mirrorBytes, mirrorBytes), ring)
	} else {
		lane.Bell = NewDoorbell(segments.HostBells.Part(uint64(index)*BellBytes, BellBytes))
	}
	if begin := uint64(index) * l.ArenaToHostBytes; l.ArenaToHostBytes != 0 {
		lane.BodiesOut = newArena(segments.ArenaToHost.Part(begin, l.ArenaToHostBytes), l.returnsToPeer(segments, index),
			func(offset, bytes uint64) bool { return segments.PopulateToHost(begin+offset, bytes) })
	}
	if begin := uint64(index) * l.ArenaToPeerBytes; l.ArenaToPeerBytes != 0 {
		lane.BodiesIn = newBodies(segments.ArenaToPeer.Part(begin, l.ArenaToPeerBytes), l.returnsToHost(segments, index),
			rings.mailToPeer.producer, lane.Bell)
	}
	return lane
}

// HostLane is the other end, of a host without arenas.
func (l Layout) HostLane(segments Segments, index uint32, bell Doorbell) *Lane {
	rings := l.rings(segments, index)
	return &Lane{
		MailIn:     newConsumer(rings.mailToHost),
		ControlIn:  newConsumer(rings.controlToHost),
		MailOut:    newProducer(rings.mailToPeer),
		ControlOut: newProducer(rings.controlToPeer),
		Bell:       bell,
	}
}

// Publish publishes both open batches and rings for them. Mail first: who reads a stop must find the mail that it tells of.
func (l *Lane) Publish() {
	if l.MailOut.Publish() {
		l.Bell.RingFor(l.MailOut.ColdMark())
	}
	l.PublishControl()
}

// PublishControl leaves the batch of mail open.
func (l *Lane) PublishControl() {
	if l.ControlOut.Publish() {
		l.Bell.RingFor(l.ControlOut.ColdMark())
	}
}

// StoreCursors stores those that moved, and rings a producer that waits for it.
func (l *Lane) StoreCursors() {
	mail, control := l.MailIn.StoreCursor(), l.ControlIn.StoreCursor()
	if mail || control {
		l.Bell.Ring()
	}
}

// StopAt takes what a stop says. False: that is no position.
func (l *Lane) StopAt(payload []byte) bool {
	if len(payload) != 8 {
		return false
	}
	l.stopping = true
	l.stopAt = binary.LittleEndian.Uint64(payload)
	return true
}

// Drained tells whether the host said stop, and all mail up to there has been read.
func (l *Lane) Drained() bool { return l.stopping && l.MailIn.Position() >= l.stopAt }

// Stopping tells whether the host said stop.
func (l *Lane) Stopping() bool { return l.stopping }

// HasMail that is not behind a stop.
func (l *Lane) HasMail() bool { return !l.Drained() && !l.MailIn.Empty() }

// Fault of the other side, if there is one.
func (l *Lane) Fault() Fault {
	for _, fault := range [...]Fault{l.MailIn.Fault(), l.ControlIn.Fault(), l.MailOut.Fault(), l.ControlOut.Fault()} {
		if fault != NoFault {
			return fault
		}
	}
	if l.BodiesOut != nil {
		return l.BodiesOut.Fault()
	}
	return NoFault
}
