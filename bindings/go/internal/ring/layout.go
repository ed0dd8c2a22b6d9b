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
	Large  // on a mail ring: where a body is, and then a message
)

// In a frame.
const (
	typeOffset   = 8
	targetOffset = 16
	senderOffset = 24
)

// A producer block, a consumer block, and a bell. What two threads write is two lines apart.
const (
	producerBlockBytes  = 128
	wantOffset          = 0
	startSequenceOffset = 4
	startOffset         = 8

	consumerBlockBytes   = 512
	cursorOffset         = 0
	sequenceOffset       = 8
	inHandOffset         = 128
	coldOffset           = 256
	resumeTailOffset     = 384
	resumeSequenceOffset = 392
	attemptOffset        = 396
	attemptedOffset      = 400

	BellBytes     = 2 * PageBytes
	parkOffset    = 0
	pendingOffset = PageBytes
	pendingRings  = PageBytes * 8

	mirrorBytes = 128
)

// A returns block, on the page of its lane behind the other blocks.
const (
	// ArenaSlots is how many bodies of a lane and direction can be out.
	ArenaSlots = 512
	// MaxArenaBytes is the most that a lane's arena has.
	MaxArenaBytes = 1 << 40

	returnsOffset      = 1536
	returnsBlockBytes  = PageBytes - returnsOffset
	returnsCountOffset = 0
	serialsOffset      = 512
)

func frameBytes(length uint64) uint64 {
	return (headerBytes + length + LineBytes - 1) &^ (LineBytes - 1)
}

// FrameBytes is what a frame with so long a payload takes, without padding.
func FrameBytes(length uint64) uint64 { return frameBytes(length) }

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

	// Of each lane; 0 where there are none.
	ArenaToPeerBytes, ArenaToHostBytes uint64
}

// LayoutBetweenPeers is that of a side, which lies as what a peer writes of a link of one lane.
func LayoutBetweenPeers(mailBytes, controlBytes uint64) Layout {
	return Layout{Lanes: 1, MailToPeerBytes: mailBytes, MailToHostBytes: mailBytes, ControlBytes: controlBytes}
}

func (l Layout) mailStride() uint64 { return PageBytes + l.MailToPeerBytes }
func (l Layout) hostStride() uint64 { return PageBytes + l.ControlBytes }
func (l Layout) peerStride() uint64 { return PageBytes + l.MailToHostBytes + l.ControlBytes }

// The sizes of the segments.

func (l Layout) MailBytes() uint64      { return uint64(l.Lanes) * l.mailStride() }
func (l Layout) HostBytes() uint64      { return uint64(l.Lanes) * l.hostStride() }
func (l Layout) PeerBytes() uint64      { return uint64(l.Lanes) * l.peerStride() }
func (l Layout) HostBellsBytes() uint64 { return uint64(l.Lanes) * BellBytes }
func (l Layout) ArenaToPeer() uint64    { return uint64(l.Lanes) * l.ArenaToPeerBytes }
func (l Layout) ArenaToHost() uint64    { return uint64(l.Lanes) * l.ArenaToHostBytes }
func (l Layout) HostParkedBytes() uint64 {
	return (uint64(l.Lanes)*mirrorBytes + PageBytes - 1) &^ (PageBytes - 1)
}

// Segments are the memory of a link, as one of its ends has mapped it. Of HostBells and HostParked one is there.
type Segments struct {
	Mail, Host, Peer, HostBells, HostParked, PeerBells Memory
	ArenaToPeer, ArenaToHost                           Memory
	// PopulateToHost has a part of ArenaToHost accounted for, before it is written. False: the machine has no memory for it.
	PopulateToHost func(offset, bytes uint64) bool
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
	peer := l.peerPlaces(segments.Peer, lane)
	return peerRings{
		mailToPeer: memories{
			data:     mail.Part(PageBytes, l.MailToPeerBytes),
			producer: mail.Part(0, producerBlockBytes),
			consumer: peer.mailIn,
		},
		controlToPeer: memories{
			data:     host.Part(PageBytes, l.ControlBytes),
			producer: host.Part(1024, producerBlockBytes),
			consumer: peer.controlIn,
		},
		mailToHost: memories{
			data:     peer.mail,
			producer: peer.mailOut,
			consumer: host.Part(0, consumerBlockBytes),
		},
		controlToHost: memories{
			data:     peer.control,
			producer: peer.controlOut,
			consumer: host.Part(512, consumerBlockBytes),
		},
	}
}

// returnsToPeer is where the host says which bodies of the peer's it has given back, and returnsToHost where the peer says so.
func (l Layout) returnsToPeer(segments Segments, lane uint32) Memory {
	return segments.Host.Part(uint64(lane)*l.hostStride()+returnsOffset, returnsBlockBytes)
}
func (l Layout) returnsToHost(segments Segments, lane uint32) Memory {
	return segments.Peer.Part(uint64(lane)*l.peerStride()+returnsOffset, returnsBlockBytes)
}

// peerPlaces are what a peer writes of a lane: the data of two rings, their producers' blocks, and the consumers' of the others.
type peerPlaces struct {
	mailIn, controlIn, mailOut, controlOut Memory
	mail, control                          Memory
}

func (l Layout) peerPlaces(segment Memory, lane uint32) peerPlaces {
	peer := segment.Part(uint64(lane)*l.peerStride(), l.peerStride())
	return peerPlaces{
		mailIn:     peer.Part(0, consumerBlockBytes),
		controlIn:  peer.Part(512, consumerBlockBytes),
		mailOut:    peer.Part(1024, producerBlockBytes),
		controlOut: peer.Part(1152, producerBlockBytes),
		mail:       peer.Part(PageBytes, l.MailToHostBytes),
		control:    peer.Part(PageBytes+l.MailToHostBytes, l.ControlBytes),
	}
}
