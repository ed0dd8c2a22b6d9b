package ringmail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
)

// Run handles messages until the host says stop and everything that it sent has been handled; then it is nil. When the
// context is done it returns the context's error between two messages, and may be called again.
//
// A message is released when its handler returns nil; who asked and has no answer by then, and none was kept by
// [Message.Later], is refused. An error or a panic of the handler is told to the host, with its stack: the asker is refused,
// the peer is closed, and Run returns a HandlerError. The process should then exit with status 1. The message is not
// finished, and is given to the next incarnation.
func (p *Peer) Run(ctx context.Context, handler func(*Message) error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover()
		p.leaveAnyway()
		failure := &HandlerError{Value: value, Stack: debug.Stack()}
		failure.Err, _ = value.(error)
		err = p.failed(failure, fmt.Sprintf("panic: %v", value))
	}()
	err = p.run(ctx, handler)
	returned = true
	return err
}

func (p *Peer) run(ctx context.Context, handler func(*Message) error) error {
	done := ctx.Done()
	for {
		if isDone(done) {
			return context.Cause(ctx)
		}
		message, err := p.Receive(ctx)
		if err != nil {
			return p.notReceived(err)
		}
		if err = handler(message); err == nil {
			err = p.finish(message)
		}
		if err != nil {
			return p.notHandled(err)
		}
	}
}

func (p *Peer) notReceived(err error) error {
	switch {
	case err == ErrStopped:
		return nil
	case isFailure(err):
		return p.failed(&HandlerError{Err: err, Stack: debug.Stack()}, fmt.Sprintf("%+v", err))
	}
	return err
}

func (p *Peer) notHandled(err error) error {
	if errors.Is(err, ErrHostGone) || errors.Is(err, ErrPeerGone) {
		return err
	}
	return p.failed(&HandlerError{Err: err, Stack: debug.Stack()}, fmt.Sprintf("%+v", err))
}

// isFailure tells what the host must know of from what ends a wait. It allocates: not for each message.
func isFailure(err error) bool {
	var protocol *ProtocolError
	var answer *answerError
	return errors.As(err, &protocol) || errors.As(err, &answer)
}

// finish answers who asked, and releases.
func (p *Peer) finish(message *Message) error {
	if !message.held {
		return nil // the handler did it
	}
	if err := message.Refuse(HandlerFailed); err != nil {
		return err
	}
	return message.Release()
}

// failed tells the host what left a handler.
func (p *Peer) failed(failure *HandlerError, text string) error {
	failure.text = text
	// The first line is the reason, whatever the text looks like.
	if reason := strings.ReplaceAll(strings.TrimSpace(text), "\n", " "); reason != text {
		text = reason + "\n" + text
	}
	if held := &p.inHand; held.held {
		text += fmt.Sprintf("\n(while handling a message of the type %#x", held.frame.Type)
		if held.attempt > 0 {
			text += fmt.Sprintf(", which %d earlier processes died with", held.attempt)
		}
		text += ")"
		if p.loan.open {
			p.cancel()
		}
		_ = held.Refuse(HandlerFailed)
	}
	p.enter()
	defer p.leave()
	_ = p.fail(text + "\n\n" + string(failure.Stack)) // a host that is gone need not be told
	return failure
}

// Main is the main function of a peer. It joins the host, calls the function, and exits: with status 0 when that returns nil
// after the host said stop; 2, and one line on stderr, when the process was started by hand; and 1 in all other cases, whose
// text it prints. It exits as well when the host dies, whatever the function is doing; where the peer outlives its host, when no
// other has come in time.
//
//	func main() {
//		ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
//			return peer.Run(ctx, handle)
//		})
//	}
func Main(options Options, serve func(ctx context.Context, peer *Peer) error) {
	ctx := context.Background()
	peer, err := Attach(ctx, options)
	if errors.Is(err, ErrNotSpawned) {
		exit(2, err)
	}
	if err != nil {
		exit(1, err)
	}
	go func() {
		<-peer.Gone()
		exit(1, ErrHostGone)
	}()
	if err := serveGuarded(ctx, peer, serve); err != nil {
		exit(1, err)
	}
	if err := peer.Close(); err != nil {
		exit(1, fmt.Errorf("%w: %w", ErrHostGone, err))
	}
	exit(0, nil)
}

// serveGuarded tells the host also of what is not a handler's.
func serveGuarded(ctx context.Context, peer *Peer, serve func(context.Context, *Peer) error) (err error) {
	returned := false
	defer func() {
		var failure *HandlerError
		switch {
		case !returned:
			value := recover()
			peer.leaveAnyway()
			failure = &HandlerError{Value: value, Stack: debug.Stack()}
			failure.Err, _ = value.(error)
			err = peer.failed(failure, fmt.Sprintf("panic: %v", value))
		case err != nil && !peer.closed && !errors.Is(err, ErrHostGone):
			err = peer.failed(&HandlerError{Err: err, Stack: debug.Stack()}, fmt.Sprintf("%+v", err))
		}
	}()
	err = serve(ctx, peer)
	returned = true
	return err
}

// exiting is never unlocked: who comes first says why, and with which status.
var exiting sync.Mutex

func exit(status int, err error) {
	exiting.Lock()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
	}
	var failure *HandlerError
	if errors.As(err, &failure) {
		fmt.Fprintf(os.Stderr, "\n%s", failure.Stack)
	}
	os.Exit(status)
}
