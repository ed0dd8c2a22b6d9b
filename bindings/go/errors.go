package ringmail

import (
	"errors"
	"fmt"

	"ringmail.dev/ringmail/internal/link"
)

var (
	// ErrNotSpawned: neither RINGMAIL_FDS nor the options name a host.
	ErrNotSpawned = errors.New("this process was not spawned by a Ringmail system")
	// ErrHostGone: the host has died, or has closed the link. The process should exit; see Main.
	ErrHostGone = errors.New("the host has closed the link")
	// ErrStopped: the host said stop, and all mail that it had sent before has been released.
	ErrStopped = errors.New("the host said stop")
	// ErrClosed: Close was called, or the peer has failed.
	ErrClosed = errors.New("the peer is closed")
	// ErrFull: there was no room in the ring to the host, within the time given.
	ErrFull = errors.New("no room in the ring to the host")
	// ErrTooLong: a payload that half a ring can never take.
	ErrTooLong = errors.New("the payload is more than half a ring")
	// ErrNotFound: no mailbox has that name, or a mailbox is nobody's.
	ErrNotFound = errors.New("there is no such mailbox")
	// ErrUnsupported: the host is older than what was wanted of it.
	ErrUnsupported = errors.New("the host cannot do this")
	// ErrMisuse: a rule that this package states was broken; the text says which.
	ErrMisuse = errors.New("misuse")
)

// RefusedError is a handshake that the host ended or, where ByPeer, this process. Its Code is one of handshake.md.
type RefusedError = link.RefusedError

// ProtocolError is something impossible that the host wrote: the link is dead.
type ProtocolError struct {
	Text string
}

func (e *ProtocolError) Error() string { return "the host broke the protocol: " + e.Text }

// Reason why an ask is not answered.
type Reason uint32

const (
	NoHandler     Reason = 1 // nothing handles the message
	HandlerFailed Reason = 2
	Stopping      Reason = 3 // the receiver stops
	MailboxFull   Reason = 4 // its mailbox is full, and drops
)

func (r Reason) String() string {
	switch r {
	case NoHandler:
		return "there is no handler"
	case Stopping:
		return "the receiver stops"
	case MailboxFull:
		return "its mailbox is full"
	}
	return "the handler failed"
}

// DeclinedError: an ask of this peer's will not be answered.
type DeclinedError struct {
	Reason Reason
}

func (e *DeclinedError) Error() string { return "the ask was not answered: " + e.Reason.String() }

// HandlerError is what left a handler, and was told to the host. Its text is what the host was told.
type HandlerError struct {
	Err   error  // nil after a panic of something else than an error
	Value any    // of a panic
	Stack []byte // where it panicked or, of an error, where the handler was called
	text  string
}

func (e *HandlerError) Error() string { return e.text }

// Unwrap gives the handler's error.
func (e *HandlerError) Unwrap() error { return e.Err }

func misuse(format string, values ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMisuse}, values...)...)
}
