package link

import (
	"fmt"
	"io"
)

// RefusedError is a handshake that one side ended.
type RefusedError struct {
	Code RefusalCode
	Text string
	// ByPeer: this process did not take what the host gave it.
	ByPeer bool
}

func (e *RefusedError) Error() string {
	if e.ByPeer {
		return fmt.Sprintf("%v: %s", e.Code, e.Text)
	}
	return fmt.Sprintf("the host refused: %v: %s", e.Code, e.Text)
}

// MalformedError is a host that does not speak this protocol.
type MalformedError struct{ error }

// Unwrap tells what is wrong.
func (e *MalformedError) Unwrap() error { return e.error }

// Joined is what a host has given.
type Joined struct {
	Welcome
	Mapped
	Outlive *Outlive // where OutlivesHost was chosen
}

// Join shakes hands up to, and without, the ready. The stream's read deadline is the caller's.
func Join(stream *Stream, hello Hello) (Joined, error) {
	fail := func(err error) (Joined, error) { return Joined{}, err }
	first, err := hello.Encode()
	if err != nil {
		return fail(err)
	}
	if err := stream.Send(KindHello, first); err != nil {
		return fail(err)
	}
	frame, err := stream.Receive()
	if err == io.EOF {
		return fail(fmt.Errorf("the host closed the control stream without an answer to the hello: %w", err))
	}
	if err != nil {
		return fail(err)
	}
	defer func() { frame.Close() }()
	switch frame.Kind {
	case KindWelcome:
	case KindRefused:
		code, text, err := DecodeRefused(frame.Payload)
		if err != nil {
			return fail(&MalformedError{err})
		}
		return fail(&RefusedError{Code: code, Text: text})
	default:
		return fail(&MalformedError{fmt.Errorf("welcome was due, and %v came", frame.Kind)})
	}
	welcome, err := DecodeWelcome(frame.Payload)
	if err != nil {
		return fail(&MalformedError{err})
	}
	mapped, err := take(stream, welcome, &frame, hello.Features)
	if err != nil {
		_ = stream.Send(KindRefused, EncodeRefused(BadSegment, err.Error()))
		return fail(&RefusedError{Code: BadSegment, Text: err.Error(), ByPeer: true})
	}
	joined := Joined{Welcome: welcome, Mapped: mapped}
	if welcome.Features&OutlivesHost != 0 {
		if joined.Outlive, err = receiveOutlive(stream); err != nil {
			mapped.Unmap()
			return fail(err)
		}
	}
	return joined, nil
}

func receiveOutlive(stream *Stream) (*Outlive, error) {
	frame, err := stream.Receive()
	if err != nil {
		return nil, err
	}
	defer frame.Close()
	if frame.Kind != KindOutlive {
		return nil, &MalformedError{fmt.Errorf("outlive was due, and %v came", frame.Kind)}
	}
	outlive, err := DecodeOutlive(frame.Payload)
	if err != nil {
		return nil, &MalformedError{err}
	}
	return &outlive, nil
}

func take(stream *Stream, welcome Welcome, frame *Frame, offered uint64) (Mapped, error) {
	if err := welcome.Check(offered); err != nil {
		return Mapped{}, err
	}
	if !stream.CarriesDescriptors() {
		var err error
		if frame.Descriptors, err = openOfHost(welcome); err != nil {
			return Mapped{}, err
		}
	}
	if len(frame.Descriptors) != len(welcome.Segments) {
		return Mapped{}, fmt.Errorf("%d descriptors came for %d segments", len(frame.Descriptors), len(welcome.Segments))
	}
	return Map(welcome, frame.Descriptors)
}
