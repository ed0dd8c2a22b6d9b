package ring

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"ringmail.dev/ringmail/internal/vectorfile"
)

// faultNames are those of docs/spec/handshake.md, *Names of faults*.
var faultNames = map[Fault]string{
	NoFault:         "none",
	FrameTooLong:    "frame_too_long",
	FramePastEnd:    "frame_past_end",
	UnknownKind:     "unknown_kind",
	SequenceGap:     "sequence_gap",
	PaddingLength:   "padding_length",
	CursorUnaligned: "cursor_unaligned",
	CursorPastTail:  "cursor_past_tail",
	CursorBackwards: "cursor_backwards",

	BodyNotDescribed:    "body_not_described",
	BodyPastEnd:         "body_past_end",
	BodySentTwice:       "body_sent_twice",
	BodyReturnedWrongly: "body_returned_wrongly",
}

func framesOf(t *testing.T, words []string) (frames []Frame) {
	for _, word := range words {
		parts := strings.Split(word, ":")
		frames = append(frames, Frame{Head{
			Kind:        Kind(vectorfile.Number(t, parts[0])),
			Type:        uint32(vectorfile.Hexadecimal(t, parts[1])),
			Correlation: uint32(vectorfile.Hexadecimal(t, parts[2])),
			Target:      vectorfile.Hexadecimal(t, parts[3]),
			Sender:      vectorfile.Hexadecimal(t, parts[4]),
		}, vectorfile.Bytes(t, parts[5], 0)})
	}
	return frames
}

// dirtyRing is the mail to a peer, its data full of old bytes.
func dirtyRing() memories {
	link := newTestLink(MinRingBytes)
	memory := link.layout.rings(link.segments, 0).mailToPeer
	data := memory.data.bytes(0, MinRingBytes)
	copy(data, bytes.Repeat([]byte{0xee}, len(data)))
	return memory
}

func readVector(t *testing.T, v vectorfile.Vector) {
	memory := dirtyRing()
	lines := vectorfile.Number(t, v.Words[0])
	data := memory.data.bytes(0, MinRingBytes)
	for i, b := range vectorfile.Bytes(t, v.Words[1], 0xee) {
		data[(lines*LineBytes+uint64(i))%MinRingBytes] = b
	}
	memory.consumer.store64(cursorOffset, lines*LineBytes)
	memory.consumer.store32(resumeSequenceOffset, uint32(uint16(lines)))
	consumer := newConsumer(memory)
	want, due := "none", v.Words[2:]
	if v.Verb == "bad" {
		want, due = v.Words[2], v.Words[3:]
	}
	var frames []Frame
	for {
		frame, ok := consumer.Peek()
		if !ok {
			break
		}
		frames = append(frames, Frame{frame.Head, append([]byte(nil), frame.Payload...)})
		consumer.Advance()
	}
	if due := framesOf(t, due); !reflect.DeepEqual(frames, due) {
		t.Errorf("%v was read, not %v", frames, due)
	}
	if got := faultNames[consumer.Fault()]; got != want {
		t.Errorf("the fault is %s, not %s", got, want)
	}
}

// producerBehind has published so many messages of a line each.
func producerBehind(t *testing.T, memory memories, lines uint64, finished bool) *Producer {
	producer := newProducer(memory)
	for ; lines > 0; lines-- {
		send(t, &producer, "")
		producer.Publish()
		if finished {
			memory.consumer.store64(cursorOffset, producer.Tail())
		}
	}
	return &producer
}

func writeVector(t *testing.T, v vectorfile.Vector) {
	memory := dirtyRing()
	producer := producerBehind(t, memory, vectorfile.Number(t, v.Words[0]), true)
	start := producer.Tail()
	for _, frame := range framesOf(t, v.Words[2:]) {
		room := producer.TryLoan(uint32(len(frame.Payload)))
		if room == nil {
			t.Fatal("no room")
		}
		copy(room, frame.Payload)
		producer.Commit(frame.Head)
	}
	producer.Publish()
	// What does not matter differs between the two.
	want, other := vectorfile.Bytes(t, v.Words[1], 0), vectorfile.Bytes(t, v.Words[1], 1)
	data := memory.data.bytes(0, MinRingBytes)
	for i := range want {
		if got := data[(start+uint64(i))%MinRingBytes]; want[i] == other[i] && got != want[i] {
			t.Fatalf("byte %d is %#x, not %#x", i, got, want[i])
		}
	}
}

func roomVector(t *testing.T, v vectorfile.Vector) {
	memory := dirtyRing()
	producer := producerBehind(t, memory, vectorfile.Number(t, v.Words[0]), false)
	got := ""
	for _, cursor := range strings.Split(v.Words[1], ",") {
		memory.consumer.store64(cursorOffset, vectorfile.Number(t, cursor))
		got = "no_room"
		if producer.TryLoan(uint32(producer.MaxPayload())) != nil {
			producer.Cancel()
			got = "room"
		}
	}
	if producer.Fault() != NoFault {
		got = faultNames[producer.Fault()]
	}
	if got != v.Words[2] {
		t.Errorf("%s, not %s", got, v.Words[2])
	}
}

func bodyVector(t *testing.T, v vectorfile.Vector) {
	arena, returns, mail := heap(vectorfile.Number(t, v.Words[0])), heap(returnsBlockBytes), heap(producerBlockBytes)
	bodies := newBodies(arena, returns, mail, Doorbell{})
	got := ""
	for _, word := range strings.Split(v.Words[1], ",") {
		payload := vectorfile.Bytes(t, word, 0)
		aligned := heap(64).bytes(0, uint32(len(payload)))
		copy(aligned, payload)
		got = "taken"
		if _, fault := bodies.Take(aligned); fault != NoFault {
			got = faultNames[fault]
		}
	}
	if got != v.Words[2] {
		t.Errorf("%s, not %s", got, v.Words[2])
	}
}

func TestTheVectorsOfFrames(t *testing.T) {
	for _, v := range vectorfile.Read(t, "frames.txt") {
		t.Run(v.Name, func(t *testing.T) {
			switch v.Verb {
			case "room":
				roomVector(t, v)
			case "body":
				bodyVector(t, v)
			default:
				readVector(t, v)
				if v.Verb == "good" {
					writeVector(t, v)
				}
			}
		})
	}
}
