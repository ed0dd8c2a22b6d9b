// Package corners is the code that `ringmail gen --lang go` writes for tests/tools/corners.mail, for the tests.
package corners

//go:generate ringmail gen --lang go ../../../../tests/tools/corners.mail -o messages.go
