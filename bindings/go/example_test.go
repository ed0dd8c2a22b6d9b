package ringmail_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"ringmail.dev/ringmail"
	"ringmail.dev/ringmail/internal/conformance"
)

// A whole peer, with what is generated from a .mail file.
func ExampleMain() {
	ringmail.Main(ringmail.Options{Schema: conformance.RingmailSchema}, func(ctx context.Context, peer *ringmail.Peer) error {
		slog.SetDefault(slog.New(peer.LogHandler(nil)))
		return peer.Run(ctx, conformance.HandlePeer(&server{}))
	})
}

// server handles what a conformance.Peer accepts.
type server struct{ sum conformance.Sum }

func (s *server) Tick(m *ringmail.Message, tick conformance.TickView) (conformance.Tick, error) {
	s.sum.Count++
	s.sum.Total += tick.Price()
	return tick.Unpack(), nil
}

func (s *server) Ping(_ *ringmail.Message, ping conformance.PingView) (conformance.Ping, error) {
	return ping.Unpack(), nil
}

func (s *server) Bulk(m *ringmail.Message, bulk conformance.BulkView) (conformance.Bulk, error) {
	return conformance.Bulk{}, m.Reply(bulk) // from ring to ring; what is returned then goes nowhere
}

func (s *server) Note(_ *ringmail.Message, note conformance.NoteView) (conformance.Note, error) {
	return note.Unpack(), nil
}

func (s *server) Get(*ringmail.Message, conformance.GetView) (conformance.Sum, error) {
	return s.sum, nil
}

func (s *server) Fail(_ *ringmail.Message, fail conformance.FailView) error {
	return fmt.Errorf("failed with %d", fail.Code())
}

func (s *server) Stream(*ringmail.Message, conformance.StreamView) error { return nil }

// An actor that is watched, and a line of the host's log for its end.
func ExampleMailbox_Monitor() {
	watch := func(ctx context.Context, board ringmail.Mailbox) error {
		_, err := board.Monitor(ctx, func(down ringmail.Down) error {
			slog.Warn("the board has ended", "reason", down.Reason)
			return nil
		})
		return err
	}
	_ = watch
}

// A loop of one's own, without generated handlers.
func ExamplePeer_Receive() {
	ctx := context.Background()
	peer, err := ringmail.Attach(ctx, ringmail.Options{})
	if err != nil {
		panic(err)
	}
	defer peer.Close()
	for {
		message, err := peer.Receive(ctx)
		if err == ringmail.ErrStopped {
			return
		}
		if err != nil {
			panic(err)
		}
		fmt.Printf("%#x: %d bytes\n", message.Type(), len(message.Payload()))
		if err := message.Release(); err != nil {
			panic(err)
		}
	}
}

// A message that is written where it will be read.
func ExampleMailbox_Loan() {
	send := func(ctx context.Context, board ringmail.Mailbox) error {
		room, err := board.Loan(ctx, conformance.TickType, conformance.TickSize)
		if err != nil {
			return err
		}
		tick := conformance.DraftTick(room)
		tick.SetPrice(2.5)
		tick.SetSymbol("ABC")
		return board.Publish()
	}
	_ = send
}

// Two asks at once, from within a handler, with half a second for both.
func ExampleMailbox_Ask() {
	handle := func(ctx context.Context, left, right ringmail.Mailbox) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second/2)
		defer cancel()
		first, err := left.Ask(ctx, &conformance.Get{})
		if err != nil {
			return err
		}
		second, err := right.Ask(ctx, &conformance.Get{})
		if err != nil {
			return err
		}
		for _, call := range []*ringmail.Call{first, second} {
			reply, err := call.Wait(ctx)
			if err != nil {
				return err
			}
			sum, err := conformance.ViewSum(reply.Payload)
			if err != nil {
				return err
			}
			fmt.Println(sum.Total())
		}
		return nil
	}
	_ = handle
}

// Messages as values on a channel.
func ExampleFeed() {
	ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
		ticks := make(chan conformance.Tick, 64)
		go func() {
			for tick := range ticks {
				fmt.Println(tick.Symbol, tick.Price)
			}
		}()
		return ringmail.Feed(ctx, peer, func(m *ringmail.Message) (conformance.Tick, error) {
			var tick conformance.Tick
			return tick, tick.UnmarshalBinary(m.Payload())
		}, ticks)
	})
}

func ExampleTypeID() {
	fmt.Printf("%#x\n", ringmail.TypeID("flights.Flight"))
	// Output: 0xeb027bf8
}
