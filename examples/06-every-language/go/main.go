// With the Go module and messages that `go generate` has written.
package main

//go:generate ringmail gen --lang go ../averaging.mail -o averaging/messages.go

import (
	"context"

	"ringmail.dev/ringmail"

	"example.org/averager/averaging"
)

type samples struct {
	count uint64
	sum   float64
}

func (s *samples) Sample(_ *ringmail.Message, sample averaging.SampleView) error {
	s.count++
	s.sum += sample.Value()
	return nil
}

func (s *samples) Get(_ *ringmail.Message, _ averaging.GetView) (averaging.Mean, error) {
	return averaging.Mean{Samples: s.count, Value: s.sum / float64(max(s.count, 1))}, nil
}

func main() {
	options := ringmail.Options{Schema: averaging.RingmailSchema}
	ringmail.Main(options, func(ctx context.Context, peer *ringmail.Peer) error {
		return peer.Run(ctx, averaging.HandleAverager(&samples{}))
	})
}
