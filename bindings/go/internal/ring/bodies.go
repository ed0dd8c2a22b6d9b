package ring

import "sync/atomic"

// Bodies is the reading end of a lane's arena. Take is called by the goroutine that reads the lane's mail, GiveBack by any.
type Bodies struct {
	arena   Memory
	returns Memory
	mail    Memory   // the producer's block of the lane's mail
	bell    Doorbell // of that producer's
	held    [ArenaSlots]atomic.Bool
	kept    [ArenaSlots]atomic.Uint32 // serials; 0: not kept
}

func newBodies(arena, returns, mail Memory, bell Doorbell) *Bodies {
	return &Bodies{arena: arena, returns: returns, mail: mail, bell: bell}
}

// Body is one that was received, and has not been given back.
type Body struct {
	Bytes  []byte
	Slot   uint32
	Serial uint32
}

// Take reads where the body of a message is, and checks it. The payload is that of a frame of the kind Large.
func (b *Bodies) Take(payload []byte) (Body, Fault) {
	if b == nil || len(payload) < BodyPlaceBytes {
		return Body{}, BodyNotDescribed
	}
	// Each word once: who wrote it may write on.
	place := MemoryOf(payload[:BodyPlaceBytes])
	offset, length, last := place.load64(bodyOffsetOffset), place.load64(bodyLengthOffset), place.load64(bodySlotOffset)
	slot, serial := uint32(last), uint32(last>>32)
	if offset%PageBytes != 0 || slot >= ArenaSlots || serial == 0 {
		return Body{}, BodyNotDescribed
	}
	if size := b.arena.Size(); length > size || offset > size-length {
		return Body{}, BodyPastEnd
	}
	if length == 0 {
		offset = 0 // no pointer may stand behind the arena
	}
	if b.held[slot].Swap(true) {
		return Body{}, BodySentTwice
	}
	return Body{b.arena.Part(offset, length).Bytes(), slot, serial}, NoFault
}

// GiveBack is called once for each, when the last of its readers has finished with it.
func (b *Bodies) GiveBack(slot, serial uint32) {
	b.held[slot].Store(false)
	// SYNC(returns): with the load in Arena.collect.
	b.returns.store32(serialsOffset+4*uint64(slot), serial)
	// SYNC(want): ordered before the load of want; with Producer.WantRoom.
	b.returns.add32(returnsCountOffset, 1)
	if b.mail.load32(wantOffset) != 0 {
		bell := b.bell // that of a goroutine remembers for which sleep it has rung
		bell.Ring()
	}
}

// Keep has a body outlive its message. The goroutine that took it.
func (b *Bodies) Keep(body Body) { b.kept[body.Slot].Store(body.Serial) }

// IsKept tells whether it has not been given back. Any goroutine.
func (b *Bodies) IsKept(body Body) bool { return b.kept[body.Slot].Load() == body.Serial }

// Unkeep gives a kept body back. Any goroutine; of two who do so one finds it.
func (b *Bodies) Unkeep(body Body) bool {
	if !b.kept[body.Slot].CompareAndSwap(body.Serial, 0) {
		return false
	}
	b.GiveBack(body.Slot, body.Serial)
	return true
}
