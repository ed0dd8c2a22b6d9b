package ring

import (
	"errors"
	"os"
	"time"
)

// A sleeper is what a Parker sleeps by. Sleep is called after Prepare and a look at everything; a Wake that comes after that
// look ends it.
type sleeper interface {
	prepare(deadline time.Time)
	sleep(park Memory, value uint32) sleepResult
	// From any goroutine: for what is not a frame.
	wake(park Memory)
}

type sleepResult uint8

const (
	woken sleepResult = iota
	timedOut
	ended // the host is dead
)

// pipeSleeper waits until the pipe can be read, by the netpoller: no thread sleeps with the goroutine.
type pipeSleeper struct {
	pipe   *os.File
	buffer [4096]byte
}

func (s *pipeSleeper) prepare(deadline time.Time) {
	// Before the park word is stored, or it would take back the deadline that wake sets.
	_ = s.pipe.SetReadDeadline(deadline)
}

func (s *pipeSleeper) sleep(Memory, uint32) sleepResult {
	// The pipe has a byte for each wake. Should there be more than the buffer takes, the rest ends the next sleep at once.
	_, err := s.pipe.Read(s.buffer[:])
	switch {
	case err == nil:
		return woken
	case errors.Is(err, os.ErrDeadlineExceeded):
		return timedOut
	}
	return ended
}

func (s *pipeSleeper) wake(Memory) { _ = s.pipe.SetReadDeadline(time.Unix(1, 0)) }

// futexSleeper is for a host that does not ring by a pipe. It blocks a thread of the process in the system call.
type futexSleeper struct {
	deadline time.Time
}

func (s *futexSleeper) prepare(deadline time.Time) { s.deadline = deadline }

func (s *futexSleeper) sleep(park Memory, value uint32) sleepResult {
	left := time.Until(s.deadline)
	if left <= 0 || !park.futexWait(parkOffset, value, left) {
		return timedOut
	}
	return woken
}

func (s *futexSleeper) wake(park Memory) {
	// SYNC(park): the caller's store of what the sleeper looks for comes before.
	word := park.load32(parkOffset)
	if stateOf(word) == awake {
		return
	}
	park.swap32(parkOffset, word, makeWord(countOf(word), ringing))
	park.futexWake(parkOffset)
}

// channelSleeper is for whom no producer can ring by itself: some other goroutine hears them.
type channelSleeper struct {
	rung  chan struct{}
	timer *time.Timer
}

func newChannelSleeper() *channelSleeper {
	s := &channelSleeper{rung: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	s.timer.Stop()
	return s
}

func (s *channelSleeper) prepare(deadline time.Time) {
	if !s.timer.Stop() {
		select { // of an earlier sleep
		case <-s.timer.C:
		default:
		}
	}
	s.timer.Reset(time.Until(deadline))
}

func (s *channelSleeper) sleep(Memory, uint32) sleepResult {
	select {
	case <-s.rung: // perhaps by one that came late: a wake for no reason
		return woken
	case <-s.timer.C:
		return timedOut
	}
}

func (s *channelSleeper) wake(Memory) {
	select {
	case s.rung <- struct{}{}:
	default:
	}
}
