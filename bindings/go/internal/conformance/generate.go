// Package conformance is the code that `ringmail gen --lang go` writes for bindings/conformance/conformance.mail: what the
// conformance peer speaks, and the tests.
package conformance

//go:generate ringmail gen --lang go ../../../conformance/conformance.mail -o messages.go
