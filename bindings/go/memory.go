package ringmail

import "sync"

// memory is what is mapped of a host. A peer that comes to the next host has it unmapped as soon as nobody uses it: neither the link
// nor the message in hand, nor a body that is kept or not sent yet.
type memory struct {
	mutex sync.Mutex
	users int
	unmap []func()
}

// newMemory has one user, the link.
func newMemory(unmap func()) *memory { return &memory{users: 1, unmap: []func(){unmap}} }

// add is more of it, unless that comes too late.
func (m *memory) add(unmap func()) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.users == 0 {
		unmap()
		return
	}
	m.unmap = append(m.unmap, unmap)
}

// use is called by who is sure that there is another user.
func (m *memory) use() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.users++
}

func (m *memory) done() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.users--; m.users > 0 {
		return
	}
	for _, unmap := range m.unmap {
		unmap()
	}
}
