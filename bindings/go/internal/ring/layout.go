package ring

// A wire format: docs/spec/ring.md says the same in tables.

const (
	LineBytes    = 64   // frames start on a boundary of this many bytes
	PageBytes    = 4096 // and parts of a segment of this many
	MinRingBytes = 4096
	MaxRingBytes = 1 << 30
	MaxLanes     = 256

	headerBytes = 32
)

// Kind of a frame.
type Kind uint16

const (
	Padding Kind = 1 + iota // fills the data up to its end; belongs to the frame behind it
	Message                 // on a mail ring
	Reply                   // answers its correlation, on a control ring
	NoReply                 // says that its correlation will not be answered; the type is the reason
	Stop                    // stop once the mail has been read up to the position in the payload
	Ping
	Pong
	Signal // between two systems, and of monitors
)

// In a frame.
const (
	typeOffset   = 8
	targetOffset = 16
	senderOffset = 24
)

// A producer block, a consumer block, and a bell. What two threads write is two lines apart.
const (
	producerBlockBytes = 128
	wantOffset         = 0

	consumerBlockBytes   = 512
	cursorOffset         = 0
	inHandOffset         = 128
	coldOffset           = 256
	resumeTailOffset     = 384
	resumeSequenceOffset = 392
	attemptOffset        = 396

	BellBytes     = 2 * PageBytes
	parkOffset    = 0
	pendingOffset = PageBytes
	pendingRings  = PageBytes * 8

	mirrorBytes = 128
)

func frameBytes(length uint64) uint64 {
	return (headerBytes + length + LineBytes - 1) &^ (LineBytes - 1)
}

// MaxPayload is the largest payload of a ring of that size: the largest frame is half of it, so an empty ring takes it always.
func MaxPayload(capacity uint64) uint64 { return capacity/2 - headerBytes }

// IsRingSize tells whether a ring may have so many bytes.
func IsRingSize(bytes uint64) bool {
	return bytes >= MinRingBytes && bytes <= MaxRingBytes && bytes&(bytes-1) == 0
}

// Layout says where the halves of a lane's four rings lie in the three segments of a link.
type Layout struct {
	Lanes           uint32
	MailToPeerBytes uint64
	MailToHostBytes uint64
	ControlBytes    uint64
}

func (l Layout) mailStride() uint64 { return PageBytes + l.MailToPeerBytes }
func (l Layout) hostStride() uint64 { return PageBytes + l.ControlBytes }
func (l Layout) peerStride() uint64 { return PageBytes + l.MailToHostBytes + l.ControlBytes }

// The sizes of the segments.

func (l Layout) MailBytes() uint64      { return uint64(l.Lanes) * l.mailStride() }
func (l Layout) HostBytes() uint64      { return uint64(l.Lanes) * l.hostStride() }
func (l Layout) PeerBytes() uint64      { return uint64(l.Lanes) * l.peerStride() }
func (l Layout) HostBellsBytes() uint64 { return uint64(l.Lanes) * BellBytes }
func (l Layout) HostParkedBytes() uint64 {
	return (uint64(l.Lanes)*mirrorBytes + PageBytes - 1) &^ (PageBytes - 1)
}

// Segments are the memory of a link, as one of its ends has mapped it. Of HostBells and HostParked one is there.
type Segments struct {
	Mail, Host, Peer, HostBells, HostParked, PeerBells Memory
}

// peerRings are the four rings of a lane, each with both of its blocks.
type peerRings struct {
	mailToPeer, controlToPeer, mailToHost, controlToHost memories
}

// memories are the three places of a ring.
type memories struct {
	data, producer, consumer Memory
}

func (l Layout) rings(segments Segments, lane uint32) peerRings {
	mail := segments.Mail.Part(uint64(lane)*l.mailStride(), l.mailStride())
	host := segments.Host.Part(uint64(lane)*l.hostStride(), l.hostStride())
	peer := segments.Peer.Part(uint64(lane)*l.peerStride(), l.peerStride())
	return peerRings{
		mailToPeer: memories{
			data:     mail.Part(PageBytes, l.MailToPeerBytes),
			producer: mail.Part(0, producerBlockBytes),
			consumer: peer.Part(0, consumerBlockBytes),
		},
		controlToPeer: memories{
			data:     host.Part(PageBytes, l.ControlBytes),
			producer: host.Part(1024, producerBlockBytes),
			consumer: peer.Part(512, consumerBlockBytes),
		},
		mailToHost: memories{
			data:     peer.Part(PageBytes, l.MailToHostBytes),
			producer: peer.Part(1024, producerBlockBytes),
			consumer: host.Part(0, consumerBlockBytes),
		},
		controlToHost: memories{
			data:     peer.Part(PageBytes+l.MailToHostBytes, l.ControlBytes),
			producer: peer.Part(1152, producerBlockBytes),
			consumer: host.Part(512, consumerBlockBytes),
		},
	}
}
