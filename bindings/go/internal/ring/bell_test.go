package ring

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func never() bool { return false }

func newPipe(t *testing.T) (read *os.File, write int) {
	t.Helper()
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	read = os.NewFile(uintptr(ends[0]), "doorbell")
	t.Cleanup(func() { read.Close(); syscall.Close(ends[1]) })
	return read, ends[1]
}

// The two ways to sleep.
func eachSleeper(t *testing.T, test func(t *testing.T, bell Memory, parker *Parker)) {
	t.Run("futex", func(t *testing.T) {
		bell := heap(BellBytes)
		test(t, bell, NewParker(bell, nil))
	})
	t.Run("pipe", func(t *testing.T) {
		bell := heap(BellBytes)
		read, _ := newPipe(t)
		test(t, bell, NewParker(bell, read))
	})
}

func TestASleepEndsAtItsDeadline(t *testing.T) {
	eachSleeper(t, func(t *testing.T, bell Memory, parker *Parker) {
		start := time.Now()
		if !parker.Park(start.Add(20*time.Millisecond), never) {
			t.Error("the host is said to be dead")
		}
		if slept := time.Since(start); slept < 20*time.Millisecond {
			t.Errorf("it slept %v", slept)
		}
		if word := bell.load32(parkOffset); stateOf(word) != awake || countOf(word) != 1 {
			t.Errorf("the park word is %#x", word)
		}
		if parker.Sleeps() != 1 || parker.LostWakeups() != 0 {
			t.Errorf("%d sleeps, %d lost", parker.Sleeps(), parker.LostWakeups())
		}
	})
}

func TestWhatTheLookSeesEndsTheSleepBeforeItBegins(t *testing.T) {
	eachSleeper(t, func(t *testing.T, bell Memory, parker *Parker) {
		parker.Park(time.Time{}, func() bool { return stateOf(bell.load32(parkOffset)) == parked })
		if parker.Sleeps() != 0 {
			t.Error("it slept")
		}
	})
}

func TestAWakeAfterTheLookEndsTheSleep(t *testing.T) {
	eachSleeper(t, func(t *testing.T, _ Memory, parker *Parker) {
		start := time.Now()
		parker.Park(time.Time{}, func() bool { parker.Wake(); return false })
		if slept := time.Since(start); slept > longestSleep/2 {
			t.Errorf("it slept %v", slept)
		}
		if parker.LostWakeups() != 0 {
			t.Error("a wakeup is said to be lost")
		}
	})
}

func TestADoorbellWakesOnceForEachSleep(t *testing.T) {
	bell := heap(BellBytes)
	doorbell, other := NewDoorbell(bell), NewDoorbell(bell)
	bell.store32(parkOffset, makeWord(7, parked))
	doorbell.Ring()
	if bell.load32(parkOffset) != makeWord(7, ringing) {
		t.Errorf("the park word is %#x", bell.load32(parkOffset))
	}
	// One that died between its swap and its wake must not mute the others, who remember for themselves.
	bell.store32(parkOffset, makeWord(7, parked))
	doorbell.Ring()
	if bell.load32(parkOffset) != makeWord(7, parked) {
		t.Error("it rang twice for one sleep")
	}
	other.Ring()
	if bell.load32(parkOffset) != makeWord(7, ringing) {
		t.Error("the other one did not ring")
	}
}

func TestADoorbellWakesAFutexOfAnotherGoroutine(t *testing.T) {
	bell := heap(BellBytes)
	parker, doorbell := NewParker(bell, nil), NewDoorbell(bell)
	slept := make(chan time.Duration)
	go func() {
		start := time.Now()
		parker.Park(time.Time{}, never)
		slept <- time.Since(start)
	}()
	for stateOf(bell.load32(parkOffset)) != parked {
		time.Sleep(100 * time.Microsecond)
	}
	doorbell.Ring()
	if took := <-slept; took > longestSleep/2 {
		t.Errorf("it slept %v", took)
	}
}

func TestAColdRingSetsItsBit(t *testing.T) {
	bell := heap(BellBytes)
	doorbell := NewDoorbell(bell)
	for _, mark := range []uint32{0, 1, 65, pendingRings, pendingRings + 1, 1 << 31} {
		doorbell.RingFor(mark)
	}
	for offset, want := range map[uint64]uint64{0: 1, 8: 1, 4088: 1 << 63} {
		if got := bell.load64(pendingOffset + offset); got != want {
			t.Errorf("the pending word at %d is %#x", offset, got)
		}
	}
}

func TestAMirrorIsRungByHandOnceForEachSleep(t *testing.T) {
	mirror := heap(PageBytes)
	rung := 0
	doorbell := NewMirroredDoorbell(mirror, func() { rung++ })
	doorbell.RingFor(3)
	for count := uint32(1); count <= 2; count++ {
		mirror.store32(parkOffset, makeWord(count, parked))
		doorbell.Ring()
		doorbell.Ring()
	}
	if rung != 2 {
		t.Errorf("rung %d times", rung)
	}
}

func TestTheEndOfThePipeIsTheDeathOfTheHost(t *testing.T) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	read := os.NewFile(uintptr(ends[0]), "doorbell")
	defer read.Close()
	parker := NewParker(heap(BellBytes), read)
	syscall.Write(ends[1], []byte{1, 1, 1})
	if !parker.Park(time.Time{}, never) {
		t.Error("three bytes are the end")
	}
	syscall.Close(ends[1])
	if parker.Park(time.Time{}, never) {
		t.Error("the end was not noticed")
	}
}

func TestASleepOverAFrameThatNobodyRangForIsCounted(t *testing.T) {
	eachSleeper(t, func(t *testing.T, _ Memory, parker *Parker) {
		looks := 0
		parker.Park(time.Time{}, func() bool { looks++; return looks > 1 })
		if parker.LostWakeups() != 1 {
			t.Errorf("%d lost wakeups", parker.LostWakeups())
		}
	})
}
