// Command conformance is the conformance peer: bindings/README.md says what it does.
package main

import (
	"context"
	"fmt"
	"os"

	"ringmail.dev/ringmail"
	"ringmail.dev/ringmail/internal/conformance"
)

func main() {
	options := ringmail.Options{Schema: conformance.RingmailSchema}
	ringmail.Main(options, func(ctx context.Context, peer *ringmail.Peer) error {
		sink, err := peer.Lookup(ctx, "sink")
		if err != nil {
			return err
		}
		p := &player{
			ctx:  ctx,
			sink: conformance.HostMailbox[ringmail.Mailbox]{To: sink},
			echo: len(os.Args) > 1 && os.Args[1] == "echo",
		}
		return peer.Run(ctx, conformance.HandlePeer(p))
	})
}

type player struct {
	ctx  context.Context
	sink conformance.HostMailbox[ringmail.Mailbox]
	echo bool
	sum  conformance.Sum
}

func (p *player) Tick(m *ringmail.Message, tick conformance.TickView) (conformance.Tick, error) {
	if m.Asked() {
		reply := tick.Unpack()
		reply.Price *= 2
		return reply, nil
	}
	p.sum.Count++
	p.sum.Total += tick.Price()
	if m.Redelivered() {
		p.sum.Redelivered++
	}
	if !p.echo {
		return conformance.Tick{}, nil
	}
	room, err := p.sink.To.Loan(p.ctx, conformance.TickType, conformance.TickSize)
	if err != nil {
		return conformance.Tick{}, err
	}
	echoed := conformance.DraftTick(room)
	tick.RingmailPut(echoed.RingmailBytes())
	echoed.SetPrice(2 * tick.Price())
	return conformance.Tick{}, p.sink.To.Publish()
}

func (p *player) Bulk(m *ringmail.Message, bulk conformance.BulkView) (conformance.Bulk, error) {
	if m.Asked() {
		return conformance.Bulk{}, m.Reply(bulk)
	}
	return conformance.Bulk{}, p.sink.To.Send(p.ctx, bulk)
}

func (p *player) Get(*ringmail.Message, conformance.GetView) (conformance.Sum, error) {
	return p.sum, nil
}

func (p *player) Fail(_ *ringmail.Message, fail conformance.FailView) error {
	return fmt.Errorf("failed with %d", fail.Code())
}

func (p *player) Stream(_ *ringmail.Message, stream conformance.StreamView) error {
	tick := conformance.Tick{Side: conformance.SideAsk, Live: true, Symbol: "abc"}
	for number := uint64(0); number < stream.Count(); number++ {
		tick.Number, tick.Price = number, float64(number)
		if err := p.sink.SendTick(p.ctx, &tick); err != nil {
			return err
		}
	}
	return nil
}
