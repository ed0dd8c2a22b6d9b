package ring

// LaneBetween is this peer's end of a lane to another peer. Each of the two writes one side; both sides outlive them, so that what
// their predecessors have left is taken up here, of all four rings. False: that is impossible. The pipe is the other's; see
// NewPipeDoorbell.
func LaneBetween(mailBytes, controlBytes uint64, mine, theirs, bell Memory, pipe int) (*Lane, bool) {
	layout := LayoutBetweenPeers(mailBytes, controlBytes)
	own, other := layout.peerPlaces(mine, 0), layout.peerPlaces(theirs, 0)
	mailIn := memories{data: other.mail, producer: other.mailOut, consumer: own.mailIn}
	controlIn := memories{data: other.control, producer: other.controlOut, consumer: own.controlIn}
	mailOut := memories{data: own.mail, producer: own.mailOut, consumer: other.mailIn}
	controlOut := memories{data: own.control, producer: own.controlOut, consumer: other.controlIn}
	mailLeft, isMail := mailIn.survey()
	controlLeft, isControl := controlIn.survey()
	mailSent, isMailSent := mailOut.survey()
	controlSent, isControlSent := controlOut.survey()
	if !isMail || !isControl || !isMailSent || !isControlSent {
		return nil, false
	}
	mailIn.takeUpMail(mailLeft)
	controlIn.takeUp(controlLeft, controlLeft.cursor)
	lane := &Lane{
		MailIn:     newConsumer(mailIn),
		ControlIn:  newConsumer(controlIn),
		MailOut:    newProducer(mailOut),
		ControlOut: newProducer(controlOut),
		Bell:       NewPipeDoorbell(bell, pipe),
	}
	lane.MailOut.resume(mailSent)
	lane.ControlOut.resume(controlSent)
	// A dead one may have waited for room.
	lane.MailOut.WantRoom(false)
	lane.ControlOut.WantRoom(false)
	return lane, true
}

func (m memories) survey() (Survey, bool) { return survey(m.data, m.consumer) }

// takeUpMail says what the predecessor may have seen, and how often one has died with the first message in hand. Nobody else reads
// these words.
func (m memories) takeUpMail(left Survey) {
	own, first := m.consumer, 1+left.First
	attempt := uint32(0)
	if own.load64(inHandOffset) == first {
		attempt = 1
		if own.load64(attemptedOffset) == first {
			attempt += own.load32(attemptOffset)
		}
	}
	own.store32(attemptOffset, attempt)
	own.store64(attemptedOffset, first)
	own.store64(inHandOffset, 0)
	resumeTail := left.cursor
	if left.Messages != 0 {
		resumeTail = left.Tail
	}
	m.takeUp(left, resumeTail)
}

func (m memories) takeUp(left Survey, resumeTail uint64) {
	m.consumer.store64(resumeTailOffset, resumeTail)
	m.consumer.store32(resumeSequenceOffset, uint32(left.sequence))
}

// StopReading beyond what has been published by now: that is for the next life. Of a lane between two peers.
func (l *Lane) StopReading() {
	if l.stopping {
		return
	}
	l.stopping = true
	if left, ok := l.MailIn.memory.survey(); ok { // else what is wrong shows when it is read
		l.stopAt = left.Tail
	}
}
