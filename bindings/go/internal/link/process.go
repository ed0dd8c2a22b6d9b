package link

import (
	"net"
	"os"
	"syscall"
)

// Process is who is at the other end of a socket.
type Process struct {
	UID   uint32
	pidfd *os.File // nil: this kernel has none
}

// ProcessOf asks the kernel.
func ProcessOf(socket *net.UnixConn) (process Process, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return process, err
	}
	pidfd := -1
	controlErr := raw.Control(func(descriptor uintptr) {
		var credentials *syscall.Ucred
		if credentials, err = syscall.GetsockoptUcred(int(descriptor), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err != nil {
			return
		}
		process.UID = credentials.Uid
		// Linux 6.5. Asking by number can name another process, if that one has died since and its number was given away.
		const peerPidfd, pidfdOpen = 77, 434
		var notThere error
		if pidfd, notThere = syscall.GetsockoptInt(int(descriptor), syscall.SOL_SOCKET, peerPidfd); notThere != nil {
			opened, _, errno := syscall.Syscall(pidfdOpen, uintptr(credentials.Pid), 0, 0)
			if pidfd = int(opened); errno != 0 {
				pidfd = -1
			}
		}
	})
	if err == nil {
		err = controlErr
	}
	if err != nil || pidfd < 0 {
		return process, err
	}
	syscall.CloseOnExec(pidfd)
	// So that the netpoller takes it.
	if syscall.SetNonblock(pidfd, true) != nil {
		_ = syscall.Close(pidfd)
		return process, nil
	}
	process.pidfd = os.NewFile(uintptr(pidfd), "ringmail process")
	return process, nil
}

// WaitForEnd returns when the process is dead, which is true, or Close was called. No thread waits with the goroutine.
func (p Process) WaitForEnd() bool {
	if p.pidfd == nil {
		return false
	}
	raw, err := p.pidfd.SyscallConn()
	if err != nil {
		return false
	}
	looked := false
	return raw.Read(func(uintptr) bool {
		isReadable := looked // else it waits until it is
		looked = true
		return isReadable
	}) == nil
}

// Close ends the wait.
func (p Process) Close() {
	if p.pidfd != nil {
		_ = p.pidfd.Close()
	}
}
