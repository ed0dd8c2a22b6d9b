// Package link is how a process becomes the peer of a host: the control stream, what is said on it, and the segments that come
// with the welcome. docs/spec/handshake.md is the normative text.
package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	maxPayload     = 1 << 20
	maxDescriptors = 8
	headerBytes    = 8
	growBytes      = 64 << 10
)

// Frame is one of the control stream. Who receives it closes the descriptors.
type Frame struct {
	Kind        Kind
	Payload     []byte
	Descriptors []int
}

// Close closes the descriptors.
func (f *Frame) Close() {
	for _, number := range f.Descriptors {
		_ = syscall.Close(number)
	}
	f.Descriptors = nil
}

// Stream is the control stream: a socket or, where the host was asked for them, two pipes. One goroutine receives; any sends.
type Stream struct {
	in     end
	out    end
	socket *net.UnixConn // nil: pipes, on which no descriptors travel
	isDead atomic.Bool   // see OtherIsDead
}

// OtherIsDead ends the stream behind what is there to be read: a child of the dead process may keep it open. Of a socket.
func (s *Stream) OtherIsDead() {
	s.isDead.Store(true)
	_ = s.socket.SetReadDeadline(time.Unix(1, 0)) // of who waits for more
}

// end is what a socket is twice, and a pipe for one direction.
type end interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// NewStream takes the socket over.
func NewStream(socket *net.UnixConn) *Stream { return &Stream{in: socket, out: socket, socket: socket} }

// Adopt takes over inherited descriptors: one is a socket, two are the pipes that are read and written.
func Adopt(numbers ...int) (*Stream, error) {
	if len(numbers) == 1 {
		// A grandchild finds the variable too, but at that number something else, which is not this one's to touch.
		kind, err := syscall.GetsockoptInt(numbers[0], syscall.SOL_SOCKET, syscall.SO_TYPE)
		if err != nil || kind != syscall.SOCK_STREAM {
			return nil, fmt.Errorf("descriptor %d, which should be the control stream, is not a stream socket", numbers[0])
		}
	}
	for _, number := range numbers {
		// A child of this process that kept the stream open would hide this process's death from the host.
		syscall.CloseOnExec(number)
		if err := syscall.SetNonblock(number, true); err != nil {
			return nil, fmt.Errorf("descriptor %d, which should be the control stream: %w", number, err)
		}
	}
	if len(numbers) == 2 {
		in := os.NewFile(uintptr(numbers[0]), "ringmail control stream, from the host")
		out := os.NewFile(uintptr(numbers[1]), "ringmail control stream, to the host")
		return &Stream{in: in, out: out}, nil
	}
	file := os.NewFile(uintptr(numbers[0]), "ringmail control stream")
	defer file.Close() // net has a copy of its own, which is closed on exec
	connection, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	socket, ok := connection.(*net.UnixConn)
	if !ok {
		_ = connection.Close()
		return nil, fmt.Errorf("descriptor %d, which should be the control stream, is not a Unix socket", numbers[0])
	}
	return NewStream(socket), nil
}

// CarriesDescriptors is false of pipes.
func (s *Stream) CarriesDescriptors() bool { return s.socket != nil }

// SetReadDeadline ends a Receive at that time.
func (s *Stream) SetReadDeadline(deadline time.Time) error { return s.in.SetReadDeadline(deadline) }

// SetWriteDeadline ends a Send at that time.
func (s *Stream) SetWriteDeadline(deadline time.Time) error { return s.out.SetWriteDeadline(deadline) }

// Close ends the stream in both directions.
func (s *Stream) Close() error {
	err := s.in.Close()
	if s.socket == nil {
		err = errors.Join(err, s.out.Close())
	}
	return err
}

// Send writes a frame by one call, so that those of several goroutines do not mix.
func (s *Stream) Send(kind Kind, payload []byte) error {
	_, err := s.out.Write(encodeFrame(kind, payload))
	return err
}

func encodeFrame(kind Kind, payload []byte) []byte {
	frame := binary.LittleEndian.AppendUint32(make([]byte, 0, headerBytes+len(payload)), uint32(len(payload)))
	frame = binary.LittleEndian.AppendUint16(frame, uint16(kind))
	frame = append(frame, 0, 0)
	return append(frame, payload...)
}

// SendWith sends descriptors with a frame, over a socket, while nobody else sends.
func (s *Stream) SendWith(kind Kind, payload []byte, descriptors []int) error {
	frame := encodeFrame(kind, payload)
	// They go with the first byte, whatever more of the frame goes with it.
	sent, _, err := s.socket.WriteMsgUnix(frame, syscall.UnixRights(descriptors...), nil)
	if err == nil && sent < len(frame) {
		_, err = s.out.Write(frame[sent:])
	}
	return err
}

// Discard reads to the end, or to the deadline.
func (s *Stream) Discard() { _, _ = io.Copy(io.Discard, s.in) }

// CloseWrite says that nothing more comes.
func (s *Stream) CloseWrite() error { return s.socket.CloseWrite() }

// Receive waits for a whole frame. The end of the stream between two frames is io.EOF.
func (s *Stream) Receive() (frame Frame, err error) {
	defer func() {
		if err != nil {
			frame.Close()
		}
	}()
	var header [headerBytes]byte
	for read := 0; read < headerBytes; {
		// No read crosses the end of the header: so the descriptors that come with it are this frame's.
		count, err := s.read(header[read:], &frame.Descriptors)
		if err != nil {
			if read > 0 && errors.Is(err, io.EOF) {
				err = fmt.Errorf("the control stream ended inside a frame that starts with the bytes %q", header[:read])
			}
			return frame, err
		}
		read += count
		// Each field as soon as it is there: who prints into the stream and waits is told at once.
		if length := binary.LittleEndian.Uint32(header[:]); read >= 4 && length > maxPayload {
			return frame, fmt.Errorf("not a control frame: the bytes %q give it a length of %d, the most is %d",
				header[:read], length, maxPayload)
		}
		if kind := Kind(binary.LittleEndian.Uint16(header[4:])); read >= 6 && !kind.isKnown() {
			return frame, fmt.Errorf("not a control frame: the bytes %q give it the unknown kind %d", header[:read], kind)
		}
		if zero := binary.LittleEndian.Uint16(header[6:]); read >= 8 && zero != 0 {
			return frame, fmt.Errorf("not a control frame: the bytes %q end in %d where 0 must stand", header[:read], zero)
		}
	}
	frame.Kind = Kind(binary.LittleEndian.Uint16(header[4:]))
	length := int(binary.LittleEndian.Uint32(header[:]))
	for read := 0; read < length; {
		if read == len(frame.Payload) {
			// Its memory grows as its bytes come, so that a length alone costs nobody a megabyte.
			frame.Payload = append(frame.Payload, make([]byte, min(length-read, growBytes))...)
		}
		count, err := s.read(frame.Payload[read:], nil)
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("the control stream ended inside a frame that starts with the bytes %q", header)
		}
		if err != nil {
			return frame, err
		}
		read += count
	}
	return frame, nil
}

// read appends descriptors that come with the bytes, or refuses them.
func (s *Stream) read(into []byte, descriptors *[]int) (int, error) {
	if s.socket == nil {
		return s.in.Read(into)
	}
	var ancillary [256]byte // 8 descriptors take 48 bytes
	count, ancillaryBytes, flags, _, err := s.socket.ReadMsgUnix(into, ancillary[:])
	if errors.Is(err, os.ErrDeadlineExceeded) && s.isDead.Load() {
		count, ancillaryBytes, flags, err = s.readLeft(into, ancillary[:])
	}
	received, parseErr := parseDescriptors(ancillary[:ancillaryBytes])
	if descriptors != nil {
		*descriptors = append(*descriptors, received...)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), err == nil && count == 0:
		return 0, io.EOF
	case err != nil:
		return 0, err
	case parseErr != nil:
		return 0, parseErr
	case flags&syscall.MSG_CTRUNC != 0 || (descriptors != nil && len(*descriptors) > maxDescriptors):
		return 0, fmt.Errorf("file descriptors were lost on the control stream: more than %d with a frame, "+
			"or more than this process may open", maxDescriptors)
	case descriptors == nil && len(received) > 0:
		for _, number := range received {
			_ = syscall.Close(number)
		}
		return 0, errors.New("a file descriptor came on the control stream where none is accepted")
	}
	return count, nil
}

// readLeft does not wait, and takes no notice of deadlines. Nothing left is the end.
func (s *Stream) readLeft(into, ancillary []byte) (count, ancillaryBytes, flags int, err error) {
	raw, err := s.socket.SyscallConn()
	if err != nil {
		return 0, 0, 0, err
	}
	controlErr := raw.Control(func(descriptor uintptr) {
		const closeOnExec = 0x40000000 // MSG_CMSG_CLOEXEC
		count, ancillaryBytes, flags, _, err = syscall.Recvmsg(int(descriptor), into, ancillary, syscall.MSG_DONTWAIT|closeOnExec)
	})
	if controlErr != nil {
		return 0, 0, 0, controlErr
	}
	if err == syscall.EAGAIN {
		err = io.EOF
	}
	return max(count, 0), max(ancillaryBytes, 0), flags, err
}

// parseDescriptors finds them all, also beside what cannot be parsed: one that is left would be open for ever.
func parseDescriptors(ancillary []byte) ([]int, error) {
	if len(ancillary) == 0 {
		return nil, nil
	}
	messages, err := syscall.ParseSocketControlMessage(ancillary)
	if err != nil {
		return nil, err
	}
	var received []int
	for i := range messages {
		numbers, rightsErr := syscall.ParseUnixRights(&messages[i])
		if rightsErr != nil {
			err = rightsErr
		}
		received = append(received, numbers...)
	}
	return received, err
}
