// As long_lived_peer.py.
package main

import (
	"context"

	"ringmail.dev/ringmail"
)

func main() {
	ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
		sink, err := peer.Lookup(ctx, "sink of echoes")
		if err != nil {
			return err
		}
		return peer.Run(ctx, func(m *ringmail.Message) error {
			room, err := sink.Loan(ctx, m.Type(), len(m.Payload()))
			if err != nil {
				return err
			}
			copy(room, m.Payload())
			return sink.Publish()
		})
	})
}
