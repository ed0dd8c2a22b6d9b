// Package vectors is the code that `ringmail gen --lang go` writes for bindings/vectors/vectors.mail, which has messages of every
// shape, for the tests.
package vectors

//go:generate ringmail gen --lang go ../../../vectors/vectors.mail -o messages.go
