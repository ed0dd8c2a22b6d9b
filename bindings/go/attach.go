package ringmail

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"ringmail.dev/ringmail/internal/link"
)

const inheritedDescriptors = "RINGMAIL_FDS"

// Options of Attach. The zero value is that of a process that a host has spawned.
type Options struct {
	// Schema is the canonical schema that the peer was built with, which the host compares with its own: generated code has
	// it as RingmailSchema. Empty: nothing is compared.
	Schema string
	// Name is what to be known as. Empty: what the host calls it.
	Name string
	// Path is the socket of a host that did not spawn this process, or of a peer that listens: of any language.
	Path string
	// Socket is connected to the host, where neither RINGMAIL_FDS nor Path says how. The peer takes it over.
	Socket *net.UnixConn
	// Token is what the host at Path has configured for this name. Empty: nothing.
	Token string
	// Reconnect is for how long the peer looks for the next host at Path once this one has died. 0: it does not, unless the host
	// wants it to outlive it.
	Reconnect time.Duration
	// RingBytes is wanted for the mail rings, a power of two from 4096. 0: the host's choice.
	RingBytes uint64
	// Timeout of the handshake. 0: 10 s.
	Timeout time.Duration
	// Logf is told of what is dropped. nil: log.Printf.
	Logf func(format string, values ...any)
}

// Attach joins the host: finds the control stream, shakes hands, maps the rings. The context is for the handshake alone.
func Attach(ctx context.Context, options Options) (*Peer, error) {
	joined, err := options.join(ctx)
	if err != nil {
		return nil, err
	}
	peer := newPeer(joined.parker)
	peer.logf = options.logf()
	if joined.outlive != nil || (options.Path != "" && options.Reconnect > 0) {
		peer.back = newWayBack(options)
		peer.back.learn(joined)
	}
	peer.begin(joined)
	go peer.control.listen()
	return peer, nil
}

func (o *Options) openStream(ctx context.Context) (*link.Stream, error) {
	switch {
	case o.Socket != nil:
		return link.NewStream(o.Socket), nil
	case o.Path != "":
		dialer := net.Dialer{Timeout: o.timeout()}
		connection, err := dialer.DialContext(ctx, "unix", o.Path)
		if err != nil {
			return nil, err
		}
		return link.NewStream(connection.(*net.UnixConn)), nil
	}
	text := os.Getenv(inheritedDescriptors)
	if text == "" {
		return nil, fmt.Errorf("%w: %s is not set, and no socket was named", ErrNotSpawned, inheritedDescriptors)
	}
	numbers, err := parseNumbers(text)
	if err != nil {
		return nil, err
	}
	stream, err := link.Adopt(numbers...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSpawned, err)
	}
	// The descriptor has its owner now: neither a second call nor a child of this process may take it again.
	_ = os.Unsetenv(inheritedDescriptors)
	return stream, nil
}

// parseNumbers reads "3", a socket, or "3,4", two pipes. What follows is reserved.
func parseNumbers(text string) ([]int, error) {
	parts := strings.Split(text, ",")
	numbers := make([]int, 0, 2)
	for _, part := range parts[:min(len(parts), 2)] {
		number, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is %q, which is not one or two numbers of descriptors",
				ErrNotSpawned, inheritedDescriptors, text)
		}
		numbers = append(numbers, int(number))
	}
	return numbers, nil
}

func (o *Options) logf() func(string, ...any) {
	if o.Logf != nil {
		return o.Logf
	}
	return log.Printf
}

func (o *Options) timeout() time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return 10 * time.Second
}

// shakeHands goes as far as the welcome: what comes with it is unmapped by the caller.
func (o *Options) shakeHands(ctx context.Context, stream *link.Stream) (joined link.Joined, err error) {
	hello := link.Hello{
		Features:        link.Offered,
		PID:             uint32(os.Getpid()),
		WantedRingBytes: o.RingBytes,
		Language:        "go",
		Name:            o.Name,
		Token:           o.Token,
		Schema:          o.Schema,
	}
	if err := stream.SetReadDeadline(time.Now().Add(o.timeout())); err != nil {
		return joined, err
	}
	unwatch := context.AfterFunc(ctx, func() { _ = stream.SetReadDeadline(time.Unix(1, 0)) })
	defer unwatch()
	joined, err = link.Join(stream, hello)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
		return joined, fmt.Errorf("the host did not answer the hello in time: %w", err)
	case errors.Is(err, os.ErrDeadlineExceeded), err == nil && !unwatch():
		return joined, context.Cause(ctx)
	case err != nil:
		return joined, err
	}
	return joined, stream.SetReadDeadline(time.Time{})
}
