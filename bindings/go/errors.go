package ringmail

import (
	"errors"
	"fmt"

	"ringmail.dev/ringmail/internal/link"
)

var (
	// ErrNotSpawned: neither RINGMAIL_FDS nor the options name a host.
	ErrNotSpawned = errors.New("this process was not spawned by a Ringmail system")
	// ErrHostGone: the host has died, or has closed the link; of a peer that outlives it: and no other has come in time. The process
	// should exit; see Main.
	ErrHostGone = errors.New("the host has closed the link")
	// ErrHostRestarted: what was asked was asked of a host that has died. The DeclinedError of such an ask is this error, too.
	ErrHostRestarted error = &DeclinedError{HostRestarted}
	// ErrPeerGone: the peer that had attached to this one has ended. All that it had sent was received before.
	ErrPeerGone = errors.New("the peer has ended")
	// ErrStopped: the host said stop, and all mail that it had sent before has been released.
	ErrStopped = errors.New("the host said stop")
	// ErrClosed: Close was called, or the peer has failed.
	ErrClosed = errors.New("the peer is closed")
	// ErrFull: there was no room in the ring or, for a body, in the arena, within the time given.
	ErrFull = errors.New("no room in the ring or the arena")
	// ErrTooLong: a payload that half a ring can never take, or a body that the arena cannot.
	ErrTooLong = errors.New("too long")
	// ErrNotFound: no mailbox has that name, or a mailbox is nobody's, or was that of a peer that has ended.
	ErrNotFound = errors.New("there is no such mailbox")
	// ErrUnsupported: the host is older than what was wanted of it, or two peers were to do what only a host and a peer can.
	ErrUnsupported = errors.New("the other side cannot do this")
	// ErrMisuse: a rule that this package states was broken; the text says which.
	ErrMisuse = errors.New("misuse")
)

// RefusedError is a handshake that the host ended or, where ByPeer, this process. Its Code is one of handshake.md.
type RefusedError = link.RefusedError

// ProtocolError is something impossible that the other side wrote: the link is dead.
type ProtocolError struct {
	Text   string
	byPeer bool // and not the host
}

func (e *ProtocolError) Error() string {
	if e.byPeer {
		return "the peer broke the protocol: " + e.Text
	}
	return "the host broke the protocol: " + e.Text
}

// Reason why an ask is not answered.
type Reason uint32

const (
	NoHandler     Reason = 1 // nothing handles the message
	HandlerFailed Reason = 2
	Stopping      Reason = 3 // the receiver stops
	MailboxFull   Reason = 4 // its mailbox is full, and drops

	HostRestarted Reason = 0x10001 // no host says so: the one that was asked has died
)

func (r Reason) String() string {
	switch r {
	case NoHandler:
		return "there is no handler"
	case Stopping:
		return "the receiver stops"
	case MailboxFull:
		return "its mailbox is full"
	case HostRestarted:
		return "the host was restarted"
	}
	return "the handler failed"
}

// DeclinedError: an ask of this peer's will not be answered.
type DeclinedError struct {
	Reason Reason
}

func (e *DeclinedError) Error() string { return "the ask was not answered: " + e.Reason.String() }

// Is tells whether it has the reason of the other.
func (e *DeclinedError) Is(other error) bool {
	declined, ok := other.(*DeclinedError)
	return ok && *declined == *e
}

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
