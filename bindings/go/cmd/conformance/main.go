// Command conformance is the conformance peer: bindings/README.md says what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"ringmail.dev/ringmail"
	"ringmail.dev/ringmail/internal/conformance"
)

func main() {
	if path := os.Getenv("CONFORMANCE_LISTEN"); path != "" {
		listen(path)
	}
	options := ringmail.Options{Schema: conformance.RingmailSchema, Path: os.Getenv("CONFORMANCE_PATH")}
	if options.Path != "" {
		options.Name = "conformance"
	}
	ringmail.Main(options, func(ctx context.Context, peer *ringmail.Peer) error {
		p := &player{ctx: ctx, peer: peer, echo: isEcho()}
		slog.SetDefault(slog.New(peer.LogHandler(ringmail.LevelTrace)))
		return peer.Run(ctx, conformance.HandlePlayer(p))
	})
}

// listen serves whoever attaches, each in a goroutine of its own, until this process is ended.
func listen(path string) {
	listener, err := ringmail.Listen(ringmail.Options{Path: path, Name: "conformance", Schema: conformance.RingmailSchema})
	for err == nil {
		var peer *ringmail.Peer
		if peer, err = listener.Accept(context.Background()); err == nil {
			go serve(peer)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func serve(peer *ringmail.Peer) {
	p := &player{ctx: context.Background(), peer: peer, echo: isEcho()}
	p.host.To = peer.Other()
	if err := peer.Run(p.ctx, conformance.HandlePlayer(p)); !errors.Is(err, ringmail.ErrPeerGone) {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = peer.Close()
}

func isEcho() bool { return len(os.Args) > 1 && os.Args[1] == "echo" }

type player struct {
	ctx  context.Context
	peer *ringmail.Peer
	host conformance.HostMailbox[ringmail.Mailbox]
	echo bool
	sum  conformance.Sum

	watch ringmail.Monitor // the last one
}

// sink is looked up for the first message that goes there: not every host has one.
func (p *player) sink() (conformance.HostMailbox[ringmail.Mailbox], error) {
	var err error
	if p.host.To.IsNobody() {
		name := os.Getenv("CONFORMANCE_SINK")
		if name == "" {
			name = "sink"
		}
		p.host.To, err = p.peer.Lookup(p.ctx, name)
	}
	return p.host, err
}

func (p *player) count(m *ringmail.Message) {
	p.sum.Count++
	if m.Redelivered() {
		p.sum.Redelivered++
	}
}

func (p *player) Tick(m *ringmail.Message, tick conformance.TickView) (reply conformance.Tick, err error) {
	if m.Asked() {
		reply = tick.Unpack()
		reply.Price *= 2
		return reply, nil
	}
	p.count(m)
	p.sum.Total += tick.Price()
	if !p.echo {
		return reply, nil
	}
	sink, err := p.sink()
	if err != nil {
		return reply, err
	}
	echoed, err := sink.LoanTick(p.ctx)
	if err != nil {
		return reply, err
	}
	tick.RingmailPut(echoed.RingmailBytes())
	echoed.SetPrice(2 * tick.Price())
	return reply, sink.To.Publish()
}

func (p *player) Ping(m *ringmail.Message, ping conformance.PingView) (conformance.Ping, error) {
	return conformance.Ping{}, p.same(m, ping)
}

func (p *player) Bulk(m *ringmail.Message, bulk conformance.BulkView) (conformance.Bulk, error) {
	return conformance.Bulk{}, p.same(m, bulk)
}

// same copies the bytes from ring to ring.
func (p *player) same(m *ringmail.Message, message ringmail.Sendable) error {
	if m.Asked() {
		return m.Reply(message)
	}
	p.count(m)
	if !p.echo {
		return nil
	}
	sink, err := p.sink()
	if err != nil {
		return err
	}
	return sink.To.Send(p.ctx, message)
}

func (*player) Note(_ *ringmail.Message, note conformance.NoteView) (conformance.Note, error) {
	reply := note.Unpack()
	reply.Number *= 2
	for i := range reply.Values {
		reply.Values[i] *= 2
	}
	return reply, nil
}

func (p *player) Get(*ringmail.Message, conformance.GetView) (conformance.Sum, error) {
	return p.sum, nil
}

func (p *player) Fail(_ *ringmail.Message, fail conformance.FailView) error {
	return fmt.Errorf("failed with %d", fail.Code())
}

func (p *player) Stream(_ *ringmail.Message, stream conformance.StreamView) error {
	send, err := p.streamed(stream.Payload())
	for number := uint64(0); err == nil && number < stream.Count(); number++ {
		err = send(number)
	}
	return err
}

func (p *player) Watch(_ *ringmail.Message, watch conformance.WatchView) error {
	mailbox, err := p.peer.Lookup(p.ctx, watch.Name())
	if err != nil {
		return err
	}
	p.watch, err = mailbox.Monitor(p.ctx, func(down ringmail.Down) error {
		reason := down.Reason[:min(len(down.Reason), 64)]
		sink, err := p.sink()
		if err != nil {
			return err
		}
		return sink.SendEnded(p.ctx, &conformance.Ended{Kind: uint32(down.Kind), Reason: reason})
	})
	return err
}

func (p *player) Unwatch(*ringmail.Message, conformance.UnwatchView) error {
	return p.watch.Stop(p.ctx)
}

func (p *player) Consult(_ *ringmail.Message, consult conformance.ConsultView) error {
	desk, err := p.peer.Lookup(p.ctx, "desk")
	if err != nil {
		return err
	}
	number := consult.Number()
	ctx, cancel := context.WithTimeout(p.ctx, time.Duration(consult.Milliseconds())*time.Millisecond)
	call, err := desk.Ask(ctx, &conformance.Ping{Words: [4]uint64{number}})
	if err != nil {
		cancel()
		return err
	}
	call.Then(func(reply ringmail.Reply, err error) error {
		cancel()
		ping, invalid := conformance.ViewPing(reply.Payload)
		answered := err == nil && invalid == nil && ping.Words(0) == number
		sink, err := p.sink()
		if err != nil {
			return err
		}
		return sink.SendOutcome(p.ctx, &conformance.Outcome{Number: number, Answered: answered})
	})
	return nil
}

func (p *player) Say(_ *ringmail.Message, say conformance.SayView) error {
	levels := [...]slog.Level{
		ringmail.LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, ringmail.LevelCritical,
	}
	slog.Log(p.ctx, levels[say.Level()], say.Text())
	return nil
}

// streamed sends the message of that number.
func (p *player) streamed(payload conformance.Payload) (func(number uint64) error, error) {
	tick := conformance.Tick{Side: conformance.SideAsk, Live: true, Symbol: "abc"}
	var ping conformance.Ping
	var bulk conformance.Bulk
	sink, err := p.sink()
	if err != nil {
		return nil, err
	}
	switch payload {
	case conformance.PayloadTick:
		return func(number uint64) error {
			tick.Number, tick.Price = number, float64(number)
			return sink.SendTick(p.ctx, &tick)
		}, nil
	case conformance.PayloadPing:
		return func(number uint64) error {
			ping.Words[0] = number
			return sink.SendPing(p.ctx, &ping)
		}, nil
	case conformance.PayloadBulk:
		return func(number uint64) error {
			bulk.Number = number
			return sink.SendBulk(p.ctx, &bulk)
		}, nil
	}
	return nil, fmt.Errorf("a stream of %v", payload)
}
