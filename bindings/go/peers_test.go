package ringmail_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringmail.dev/ringmail"
	"ringmail.dev/ringmail/internal/conformance"
)

type handler = func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error

func running(handle handler) func() {
	return func() {
		ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
			return peer.Run(ctx, func(m *ringmail.Message) error { return handle(ctx, peer, m) })
		})
	}
}

func tickOf(m *ringmail.Message) conformance.TickView {
	view, err := conformance.ViewTick(m.Payload())
	if err != nil {
		panic(err)
	}
	return view
}

// The peers that the tests of link_test.go play with, in processes of their own.
var peers = map[string]func(){
	"prints": func() {
		ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
			err := peer.Run(ctx, func(m *ringmail.Message) error {
				tick := tickOf(m)
				fmt.Println(tick.Number(), tick.Symbol(), tick.Side(), m.Sender().ID(), m.Redelivered(), m.Attempt())
				return nil
			})
			counters := peer.Counters()
			fmt.Println("stopped", peer.Name(), peer.Incarnation(), counters.Received, counters.LostWakeups)
			return err
		})
	},

	"answers": func() {
		ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
			var kept []ringmail.Answer
			return peer.Run(ctx, func(m *ringmail.Message) error {
				switch m.Type() {
				case conformance.TickType: // in place
					room, err := m.ReplyRoom(conformance.TickType, conformance.TickSize)
					if err != nil {
						return err
					}
					copy(room, m.Payload())
					if err := m.Publish(); err != nil || m.Asked() {
						return fmt.Errorf("asked %v: %w", m.Asked(), err)
					}
					if err := m.Reply(tickOf(m)); !errors.Is(err, ringmail.ErrMisuse) {
						return fmt.Errorf("a second reply: %w", err)
					}
				case conformance.GetType: // later
					kept = append(kept, m.Later())
					if len(kept) == 2 {
						for i, answer := range kept {
							if err := answer.Reply(&conformance.Sum{Count: uint64(i)}); err != nil {
								return err
							}
						}
					}
				case conformance.FailType:
					return m.Refuse(ringmail.Stopping)
				case conformance.StreamType:
					return m.Done()
				case conformance.BulkType:
					return nil // nothing at all
				default:
					return m.NoHandler()
				}
				return nil
			})
		})
	},

	"sends": running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		board, err := peer.Lookup(ctx, "board")
		if err != nil {
			return err
		}
		_, err = peer.Lookup(ctx, "bored")
		fmt.Println(errors.Is(err, ringmail.ErrNotFound), err)
		_, err = peer.Lookup(ctx, "b\x01")
		fmt.Println(err)
		fmt.Println((ringmail.Mailbox{}).TrySend(tickOf(m)))
		if m.Sender().IsNobody() {
			return nil
		}
		return errors.Join(m.Sender().Send(ctx, &conformance.Sum{Count: 4}), board.Send(ctx, tickOf(m)))
	}),

	"loans": running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		to := m.Sender()
		room, err := peer.Loan(ctx, to, conformance.TickType, conformance.TickSize)
		if err != nil {
			return err
		}
		draft := conformance.DraftTick(room)
		draft.SetPrice(2.5)
		draft.Levels(1).SetQuantity(9)
		fmt.Println(peer.Flush())
		fmt.Println(m.Release())
		if err := peer.Publish(); err != nil {
			return err
		}
		fmt.Println(peer.Publish())
		if _, err = to.TryLoan(conformance.BulkType, conformance.BulkSize); err != nil {
			return err
		}
		if err = peer.Cancel(); err != nil {
			return err
		}
		_, err = to.TryLoan(7, 1<<20)
		fmt.Println(errors.Is(err, ringmail.ErrTooLong), err)
		return to.TrySend(&conformance.Get{})
	}),

	"fills": running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		sent := uint64(0)
		for {
			err := m.Sender().TrySend(&conformance.Sum{Count: sent})
			if errors.Is(err, ringmail.ErrFull) {
				break
			}
			if err != nil {
				return err
			}
			sent++
		}
		soon, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		err := m.Sender().Send(soon, &conformance.Sum{})
		fmt.Println("full", errors.Is(err, ringmail.ErrFull), errors.Is(err, context.DeadlineExceeded))
		return m.Sender().Send(ctx, &conformance.Sum{Count: sent})
	}),

	"asks": running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		first, err := m.Sender().Ask(ctx, &conformance.Get{})
		if err != nil {
			return err
		}
		second, err := m.Sender().Ask(ctx, &conformance.Get{})
		if err != nil {
			return err
		}
		late, err := m.Sender().Ask(ctx, &conformance.Get{})
		if err != nil {
			return err
		}
		soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		_, err = late.Wait(soon)
		fmt.Println("late", errors.Is(err, context.DeadlineExceeded))
		reply, err := first.Wait(ctx)
		fmt.Println("first", reply.Type == conformance.SumType, len(reply.Payload), err)
		_, err = second.Wait(ctx)
		var declined *ringmail.DeclinedError
		fmt.Println("second", errors.As(err, &declined), err)
		return nil
	}),

	"asksTyped": running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		to := conformance.PeerMailbox[ringmail.Mailbox]{To: m.Sender()}
		sum, err := to.AskGet(ctx, &conformance.Get{})
		fmt.Println(sum.Count, err)
		_, err = to.AskGet(ctx, &conformance.Get{})
		fmt.Println(err)
		fmt.Println(to.AskFail(ctx, &conformance.Fail{Code: 3}))
		return nil
	}),

	"thens": running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		for _, name := range []string{"first", "second", "late", "never"} {
			name := name
			limit, cancel := ctx, func() {}
			if name == "late" {
				limit, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
			}
			call, err := m.Sender().Ask(limit, &conformance.Get{})
			if err != nil {
				cancel()
				return err
			}
			call.Then(func(reply ringmail.Reply, err error) error {
				cancel()
				fmt.Println(name, len(reply.Payload), err)
				return nil
			})
		}
		return nil
	}),

	"thenFails": running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		call, err := m.Sender().Ask(ctx, &conformance.Get{})
		if err != nil {
			return err
		}
		call.Then(func(ringmail.Reply, error) error { return errors.New("not what was hoped for") })
		return nil
	}),

	"fails": running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		if m.Type() == conformance.FailType {
			return fmt.Errorf("failed with %d", m.Payload()[0])
		}
		if err := m.Sender().Send(ctx, tickOf(m)); err != nil {
			return err
		}
		fmt.Println(tickOf(m).Number(), m.Redelivered(), m.Attempt(), peer.Incarnation())
		return nil
	}),

	"panics": running(func(_ context.Context, _ *ringmail.Peer, m *ringmail.Message) error {
		return fmt.Errorf("%v", m.Payload()[1<<20])
	}),

	"isBusy": running(func(context.Context, *ringmail.Peer, *ringmail.Message) error {
		fmt.Println("busy")
		select {}
	}),

	"keeps": func() {
		var old *ringmail.Message
		running(func(_ context.Context, _ *ringmail.Peer, m *ringmail.Message) error {
			if err := m.Release(); err != nil {
				return err
			}
			old = m
			return errors.New(string(old.Payload()))
		})()
	},

	"isShared": running(func(ctx context.Context, peer *ringmail.Peer, m *ringmail.Message) error {
		// A goroutine waits inside of the peer while the handler uses it: without a race, but against the rule.
		call, err := m.Sender().Ask(ctx, &conformance.Get{})
		if err != nil {
			return err
		}
		waits := make(chan struct{})
		go func() {
			close(waits)
			call.Wait(ctx)
		}()
		<-waits
		time.Sleep(50 * time.Millisecond)
		return peer.Flush()
	}),

	"feeds": func() {
		ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
			ticks := make(chan conformance.Tick)
			fed := make(chan error, 1)
			go func() {
				fed <- ringmail.Feed(ctx, peer, func(m *ringmail.Message) (conformance.Tick, error) {
					return tickOf(m).Unpack(), nil
				}, ticks)
			}()
			for tick := range ticks {
				fmt.Println(tick.Number, tick.Symbol)
			}
			return <-fed
		})
	},

	"isCancelled": func() {
		ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
			soon, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(20*time.Millisecond, func() { cancel(errors.New("enough")) })
			start := time.Now()
			_, err := peer.Receive(soon)
			fmt.Println(err, time.Since(start) < 200*time.Millisecond)
			return peer.Run(ctx, func(*ringmail.Message) error { return nil })
		})
	},
}
