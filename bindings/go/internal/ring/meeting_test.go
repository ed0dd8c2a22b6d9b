package ring

import (
	"testing"
)

// two peers' sides, and how each of their lives takes them up.
type twoSides struct {
	sides [2]Memory
	bells [2]Memory
}

func newTwoSides() *twoSides {
	bytes := LayoutBetweenPeers(MinRingBytes, MinRingBytes).PeerBytes()
	return &twoSides{[2]Memory{heap(bytes), heap(bytes)}, [2]Memory{heap(BellBytes), heap(BellBytes)}}
}

func (s *twoSides) begin(t *testing.T, side int) *Lane {
	t.Helper()
	lane, ok := LaneBetween(MinRingBytes, MinRingBytes, s.sides[side], s.sides[1-side], s.bells[1-side], -1)
	if !ok {
		t.Fatal("the lane cannot be taken up")
	}
	return lane
}

func expect(t *testing.T, lane *Lane, text string, isRedelivered bool, attempt uint32) {
	t.Helper()
	frame, ok := lane.MailIn.Peek()
	if !ok || string(frame.Payload) != text {
		t.Fatalf("%q was due, and %q came: %v", text, frame.Payload, lane.Fault())
	}
	if lane.MailIn.Redelivers() != isRedelivered || lane.MailIn.Attempt() != attempt {
		t.Errorf("%q: redelivered %v, attempt %d", text, lane.MailIn.Redelivers(), lane.MailIn.Attempt())
	}
	lane.MailIn.Begin()
}

func (l *Lane) finishMail() {
	l.MailIn.Advance()
	l.StoreCursors()
}

func TestAReaderThatDiesIsGivenTheRestAgain(t *testing.T) {
	two := newTwoSides()
	writer, reader := two.begin(t, 0), two.begin(t, 1)
	for _, text := range []string{"a", "b", "c"} {
		send(t, &writer.MailOut, text)
	}
	writer.Publish()
	expect(t, reader, "a", false, 0)
	reader.finishMail()
	for attempt := uint32(0); attempt < 3; attempt++ {
		expect(t, reader, "b", attempt > 0, attempt) // and it dies
		reader = two.begin(t, 1)
	}
	expect(t, reader, "b", true, 3)
	reader.finishMail()
	reader = two.begin(t, 1) // dies with none in hand
	expect(t, reader, "c", true, 0)
	reader.finishMail()
	send(t, &writer.MailOut, "d")
	writer.Publish()
	expect(t, reader, "d", false, 0)
}

func TestAWriterThatDiesLeavesWhatItPublishedAndItsSuccessorGoesOnBehindIt(t *testing.T) {
	two := newTwoSides()
	reader := two.begin(t, 1)
	const lives = 300 // some laps of the ring
	for life := 0; life < lives; life++ {
		writer := two.begin(t, 0)
		send(t, &writer.MailOut, "published")
		send(t, &writer.MailOut, "with it")
		writer.Publish()
		send(t, &writer.MailOut, "not published, and so never sent")
		if life%3 == 0 {
			continue // it is read later
		}
		for {
			frame, ok := reader.MailIn.Peek()
			if !ok {
				break
			}
			if text := string(frame.Payload); text != "published" && text != "with it" {
				t.Fatalf("life %d: %q", life, text)
			}
			reader.finishMail()
		}
		if reader.Fault() != NoFault {
			t.Fatal(life, reader.Fault())
		}
	}
	if reader.MailIn.sequence < lives {
		t.Error("not all has come: ", reader.MailIn.sequence)
	}
}

func TestBothMayBeDeadAtOnce(t *testing.T) {
	two := newTwoSides()
	writer := two.begin(t, 0)
	two.begin(t, 1)
	send(t, &writer.MailOut, "a")
	writer.Publish()
	writer = two.begin(t, 0)
	send(t, &writer.MailOut, "b")
	writer.Publish()
	reader := two.begin(t, 1)
	expect(t, reader, "a", true, 0)
	reader.finishMail()
	expect(t, reader, "b", true, 0)
	reader.finishMail()
	// Empty rings are taken up by the sequence beside the cursor.
	writer, reader = two.begin(t, 0), two.begin(t, 1)
	send(t, &writer.MailOut, "c")
	writer.Publish()
	expect(t, reader, "c", false, 0)
}

func TestAPeerThatIsToStopReadsWhatHadBeenPublishedThen(t *testing.T) {
	two := newTwoSides()
	writer, reader := two.begin(t, 0), two.begin(t, 1)
	send(t, &writer.MailOut, "a")
	writer.Publish()
	reader.StopReading()
	send(t, &writer.MailOut, "b")
	writer.Publish()
	if !reader.HasMail() || reader.Drained() {
		t.Error("what was published is not read")
	}
	expect(t, reader, "a", false, 0)
	reader.finishMail()
	if reader.HasMail() || !reader.Drained() {
		t.Error("more is read")
	}
	expect(t, two.begin(t, 1), "b", true, 0)
}

func TestRingsThatCannotBeTakenUpAreRefused(t *testing.T) {
	word := func(length uint32, kind, sequence uint16) uint64 {
		return uint64(length) | uint64(kind)<<32 | uint64(sequence)<<48
	}
	for what, spoil := range map[string]func(theirs, mine Memory){
		"an unknown kind":      func(theirs, _ Memory) { theirs.store64(PageBytes, word(0, 10, 0)) },
		"a frame that is long": func(theirs, _ Memory) { theirs.store64(PageBytes, word(1<<31, 2, 0)) },
		"a frame past the end": func(theirs, mine Memory) {
			mine.store64(cursorOffset, 4032)
			theirs.store64(PageBytes+4032, word(64, 2, 0))
		},
		"a cursor between lines": func(_, mine Memory) { mine.store64(cursorOffset, 8) },
		"a gap": func(theirs, _ Memory) {
			theirs.store64(PageBytes, word(0, 2, 0))
			theirs.store64(PageBytes+64, word(0, 2, 2))
		},
		"a full ring": func(theirs, _ Memory) {
			for i := uint64(0); i < 64; i++ {
				theirs.store64(PageBytes+64*i, word(0, 2, uint16(i)))
			}
		},
	} {
		two := newTwoSides()
		spoil(two.sides[1], two.sides[0])
		if _, ok := LaneBetween(MinRingBytes, MinRingBytes, two.sides[0], two.sides[1], two.bells[1], -1); ok {
			t.Errorf("%s is taken up", what)
		}
	}
}
