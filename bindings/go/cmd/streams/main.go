// Command streams is what bench/languages measures of Go without generated code: a question and streams, by the bytes of
// docs/spec/message.md.
package main

import (
	"context"
	"encoding/binary"

	"ringmail.dev/ringmail"
)

var (
	ping   = ringmail.TypeID("conformance.Ping")
	bulk   = ringmail.TypeID("conformance.Bulk")
	stream = ringmail.TypeID("conformance.Stream")
	get    = ringmail.TypeID("conformance.Get")
	sum    = ringmail.TypeID("conformance.Sum")
)

// Ping and Bulk start with their number, Stream with its count, which its payload follows; Sum with its count.
const (
	pingSize      = 32
	bulkSize      = 1024
	streamSize    = 16
	sumSize       = 24
	payloadOffset = 8
	payloadPing   = 1
)

func main() {
	ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
		sink, err := peer.Lookup(ctx, "sink")
		if err != nil {
			return err
		}
		s := &streams{ctx: ctx, sink: sink}
		return peer.Run(ctx, s.handle)
	})
}

type streams struct {
	ctx   context.Context
	sink  ringmail.Mailbox
	count uint64
}

func (s *streams) handle(m *ringmail.Message) error {
	payload := m.Payload()
	switch kind, size := m.Type(), len(payload); {
	case kind == ping && size == pingSize, kind == bulk && size == bulkSize:
		if m.Asked() {
			return reply(m, kind, payload)
		}
		s.count++
		return nil
	case kind == get:
		return reply(m, sum, binary.LittleEndian.AppendUint64(make([]byte, 0, sumSize), s.count)[:sumSize])
	case kind == stream && size == streamSize:
		return s.send(payload)
	}
	return m.NoHandler()
}

func reply(m *ringmail.Message, kind uint32, payload []byte) error {
	room, err := m.ReplyRoom(kind, len(payload))
	if err != nil {
		return err
	}
	copy(room, payload)
	return m.Publish()
}

func (s *streams) send(order []byte) error {
	kind, size := bulk, bulkSize
	if order[payloadOffset] == payloadPing {
		kind, size = ping, pingSize
	}
	count := binary.LittleEndian.Uint64(order)
	for number := uint64(0); number < count; number++ {
		room, err := s.sink.Loan(s.ctx, kind, size)
		if err != nil {
			return err
		}
		clear(room)
		binary.LittleEndian.PutUint64(room, number)
		if err := s.sink.Publish(); err != nil {
			return err
		}
	}
	return nil
}
