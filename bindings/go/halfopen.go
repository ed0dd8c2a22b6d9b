package ringmail

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"ringmail.dev/ringmail/internal/link"
)

// halfOpen is a handshake that is under way, in a goroutine of its own.
type halfOpen struct {
	stream  *link.Stream
	process link.Process
	limit   time.Time
	over    chan struct{} // closed by endBy
	reason  error         // then
	ending  sync.Once
}

// endBy interrupts it. The reason is told to the peer, if it is a refusal.
func (h *halfOpen) endBy(reason error) {
	h.ending.Do(func() {
		h.reason = reason
		close(h.over)
		_ = h.stream.SetReadDeadline(time.Unix(1, 0))
	})
}

// shakeHands goes as far as the peer's ready.
func (l *Listener) shakeHands(h *halfOpen) (link.Hello, *accepted, error) {
	hello, err := link.ReceiveHello(h.stream)
	if err != nil {
		return hello, nil, h.why(err)
	}
	features, err := link.Choose(hello, l.ringBytes)
	if err == nil {
		err = l.waitForName(h, hello.Name)
	}
	if err != nil {
		return hello, nil, err
	}
	mail, err := l.mailFor(hello)
	if err != nil {
		return hello, nil, err
	}
	memory, err := l.welcome(h, hello, features, mail)
	if err != nil {
		l.left.end(hello.Name, mail)
		return hello, nil, h.why(err)
	}
	return hello, &accepted{process: h.process, memory: memory, mail: mail, left: l.left, ownName: l.name}, nil
}

// settle tells why it is over after all or, if it is not, ends its deadline.
func (h *halfOpen) settle() error {
	select {
	case <-h.over:
		return h.reason
	default:
		return h.stream.SetReadDeadline(time.Time{})
	}
}

// why tells what ended the handshake from what that looked like to its goroutine.
func (h *halfOpen) why(err error) error {
	select {
	case <-h.over:
		return h.reason
	default:
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &RefusedError{Code: link.TooSlow, Text: "the handshake took too long"}
	}
	return err
}

// waitForName returns when no other peer of that name runs.
func (l *Listener) waitForName(h *halfOpen, name string) error {
	limit := time.NewTimer(time.Until(h.limit))
	defer limit.Stop()
	for {
		begun, changed := l.left.begin(name)
		if begun {
			return nil
		}
		select {
		case <-changed:
		case <-limit.C:
			return &RefusedError{Code: link.Busy, Text: fmt.Sprintf("'%s' is connected already", name)}
		case <-h.over:
			return h.reason
		}
	}
}

// mailFor is what waits for that name, or fresh.
func (l *Listener) mailFor(hello link.Hello) (*keptMail, error) {
	wanted := hello.WantedRingBytes
	if kept := l.left.take(hello.Name); kept != nil {
		made := kept.memory.Layout.MailToPeerBytes
		if wanted == 0 || wanted == made {
			return kept, nil
		}
		l.left.end(hello.Name, kept)
		return nil, &RefusedError{Code: link.WrongRingSize,
			Text: fmt.Sprintf("the peer wants rings of %d bytes, and its mail waits in one of %d", wanted, made)}
	}
	if wanted == 0 {
		wanted = l.ringBytes
	}
	memory, err := link.MakeMail(wanted, listenControlBytes)
	if err != nil {
		l.left.end(hello.Name, nil)
		return nil, noMemory(err)
	}
	return &keptMail{memory: memory}, nil
}

func noMemory(err error) error { return &RefusedError{Code: link.Busy, Text: err.Error()} }

// welcome takes the handshake from there to the ready.
func (l *Listener) welcome(h *halfOpen, hello link.Hello, features uint64, mail *keptMail) (*link.Incarnation, error) {
	memory, err := link.MakeIncarnation(mail.memory, features&link.PipeDoorbell != 0)
	if err != nil {
		return nil, noMemory(err)
	}
	if mail.incarnation != 0 {
		memory.Resume(&mail.ring, mail.left, mail.attempts)
	}
	mail.incarnation++
	name := hello.Name
	if name == "" {
		name = hello.Language
	}
	welcome := link.Welcome{Features: features, Incarnation: mail.incarnation, Name: name, Schema: l.schema}
	err = link.SendWelcome(h.stream, welcome, memory)
	if err == nil {
		err = link.ReceiveReady(h.stream)
	}
	if err == nil {
		err = memory.Seal()
	}
	if err != nil {
		memory.Unmap()
		return nil, err
	}
	return memory, nil
}

// refuse tells the peer why, and waits until it has read that: closing on what it still writes would take it away.
func (h *halfOpen) refuse(err error) {
	defer h.stream.Close()
	var refused *RefusedError
	if !errors.As(err, &refused) || h.stream.SetReadDeadline(time.Now().Add(link.HandshakeTime)) != nil {
		return
	}
	_ = h.stream.SetWriteDeadline(time.Now().Add(link.HandshakeTime))
	if h.stream.Send(link.KindRefused, link.EncodeRefused(refused.Code, refused.Text)) == nil && h.stream.CloseWrite() == nil {
		h.stream.Discard()
	}
}
