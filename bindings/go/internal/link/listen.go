package link

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Listener is a socket in a directory where nobody else could put one of the same name, or connect to it.
type Listener struct {
	*net.UnixListener
	lock *os.File
}

// Listen makes the directory, if it is not there, takes the place by a lock file, and removes what a dead one has left.
func Listen(path string) (*Listener, error) {
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %s: %w", path, err)
	}
	return l, nil
}

func listen(path string) (*Listener, error) {
	if most := len(syscall.RawSockaddrUnix{}.Path) - 1; len(path) > most {
		return nil, fmt.Errorf("the path of a socket has at most %d bytes", most)
	}
	if err := makePrivateDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	socket, err := takePlace(path, lock)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &Listener{socket, lock}, nil
}

func makePrivateDirectory(directory string) error {
	if err := os.Mkdir(directory, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	var status syscall.Stat_t
	if err := syscall.Lstat(directory, &status); err != nil {
		return err
	}
	switch {
	case status.Mode&syscall.S_IFMT != syscall.S_IFDIR:
		return fmt.Errorf("%s is not a directory", directory)
	case status.Uid != uint32(os.Geteuid()):
		return fmt.Errorf("%s belongs to another user", directory)
	case status.Mode&0o77 != 0:
		return fmt.Errorf("others may enter %s, which must be of mode 0700", directory)
	}
	return nil
}

func takePlace(path string, lock *os.File) (*net.UnixListener, error) {
	err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.New("another host does already")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", lock.Name(), err)
	}
	if status, err := os.Lstat(path); err == nil {
		if status.Mode()&os.ModeSocket == 0 {
			return nil, errors.New("there is something that is not a socket")
		}
		_ = os.Remove(path)
	}
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// Close removes the socket while the lock is held: the next one's is not the one that goes.
func (l *Listener) Close() error { return errors.Join(l.UnixListener.Close(), l.lock.Close()) }
