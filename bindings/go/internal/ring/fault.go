package ring

// Fault is what can be wrong with what the other side of a ring wrote. Each ends the link that it is seen on.
type Fault uint8

const (
	NoFault Fault = iota
	FrameTooLong
	FramePastEnd
	UnknownKind
	SequenceGap
	PaddingLength
	CursorUnaligned
	CursorPastTail
	CursorBackwards
	BodyNotDescribed
	BodyPastEnd
	BodySentTwice
	BodyReturnedWrongly
)

func (f Fault) String() string {
	switch f {
	case NoFault:
		return "no fault"
	case FrameTooLong:
		return "a frame is longer than half the ring"
	case FramePastEnd:
		return "a frame reaches past the end of the ring"
	case UnknownKind:
		return "a frame has an unknown kind"
	case SequenceGap:
		return "a frame is out of sequence"
	case PaddingLength:
		return "a padding frame does not end where the ring ends"
	case CursorUnaligned:
		return "the cursor is not on a frame boundary"
	case CursorPastTail:
		return "the cursor is past the last published frame"
	case CursorBackwards:
		return "the cursor moved backwards"
	case BodyNotDescribed:
		return "a message with a body does not say where it is"
	case BodyPastEnd:
		return "a body reaches past the end of its arena"
	case BodySentTwice:
		return "a body was sent again before it was given back"
	case BodyReturnedWrongly:
		return "a body was given back that was not sent"
	}
	return "unknown fault"
}
