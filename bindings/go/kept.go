package ringmail

import (
	"sync"

	"ringmail.dev/ringmail/internal/link"
	"ringmail.dev/ringmail/internal/ring"
)

// keptMail is the mail to a peer, which outlives its links. It belongs to one link or, between two, to the listener.
type keptMail struct {
	memory      *link.MailMemory
	ring        ring.Producer   // where the last link left off
	left        ring.Unfinished // then
	incarnation uint64          // of the last
	attempted   uint64          // position of the message that the last died with
	attempts    uint32          // how many have died with it, one after the other
}

// leave reads the cursor of the peer that is no more, for the last time.
func (k *keptMail) leave(producer *ring.Producer) {
	k.left = producer.Unfinished()
	isInHand := k.left.Messages != 0 && producer.InHand() == k.left.Cursor
	switch {
	case !isInHand:
		k.attempts = 0
	case k.attempted == k.left.Cursor && k.attempts != 0:
		k.attempts++
	default:
		k.attempts = 1
	}
	k.attempted = k.left.Cursor
	k.ring = *producer
}

// leftMail is what the links of a listener leave to it: by names, each of which is a running peer's, or that of mail that waits.
type leftMail struct {
	mutex   sync.Mutex
	changed chan struct{} // closed when a link ends
	running map[string]bool
	kept    map[string]*keptMail
	since   map[string]uint64
	clock   uint64 // counts what was kept
	givenUp uint64
}

const mostNames = 64

func newLeftMail() *leftMail {
	return &leftMail{changed: make(chan struct{}), running: map[string]bool{}, kept: map[string]*keptMail{},
		since: map[string]uint64{}}
}

// begin tells whether a link of that name may run now; if not, the channel is closed when to ask again. Of those without a name
// there may be many.
func (l *leftMail) begin(name string) (bool, <-chan struct{}) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if name != "" && l.running[name] {
		return false, l.changed
	}
	l.running[name] = true
	return true, nil
}

// take is the mail for the next of that name, or nil.
func (l *leftMail) take(name string) *keptMail {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	mail := l.kept[name]
	delete(l.kept, name)
	delete(l.since, name)
	return mail
}

// end is called when a link of that name has ended, or has not come about: with its mail, if there is some.
func (l *leftMail) end(name string, mail *keptMail) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.running, name)
	if mail != nil {
		l.keep(name, mail)
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *leftMail) keep(name string, mail *keptMail) {
	if name == "" { // nobody can come as it again
		l.giveUp(mail)
		return
	}
	l.clock++
	l.kept[name], l.since[name] = mail, l.clock
	if len(l.kept) <= mostNames {
		return
	}
	// The oldest of those that wait for nothing, and else the oldest.
	least := name
	for each, mail := range l.kept {
		waits, leastWaits := mail.left.Messages != 0, l.kept[least].left.Messages != 0
		if (leastWaits && !waits) || (waits == leastWaits && l.since[each] < l.since[least]) {
			least = each
		}
	}
	l.giveUp(l.kept[least])
	delete(l.kept, least)
	delete(l.since, least)
}

func (l *leftMail) giveUp(mail *keptMail) {
	l.givenUp += mail.left.Messages
	mail.memory.Unmap()
}

func (l *leftMail) count() ListenerCounters {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	counters := ListenerCounters{GivenUp: l.givenUp}
	for _, mail := range l.kept {
		counters.Waiting += mail.left.Messages
	}
	return counters
}
