package ringmail

import "context"

// Feed gives messages to a channel, for programs that are built of goroutines. It unpacks each into a value of its own, sends
// that, and releases the message: what was handed over is finished, as far as the host knows. It returns nil, and closes the
// channel, when the host said stop; with any error, the channel is closed as well, and a message that was not taken is not
// finished.
//
// The peer belongs to the goroutine that calls Feed until it returns.
func Feed[T any](ctx context.Context, peer *Peer, unpack func(*Message) (T, error), into chan<- T) error {
	defer close(into)
	for {
		message, err := peer.Receive(ctx)
		if err == ErrStopped {
			return nil
		}
		if err != nil {
			return err
		}
		value, err := unpack(message)
		if err != nil {
			return err
		}
		select {
		case into <- value:
		case <-peer.Gone():
			return peer.goneError()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := peer.finish(message); err != nil {
			return err
		}
	}
}
