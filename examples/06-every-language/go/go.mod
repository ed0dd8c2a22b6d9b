module example.org/averager

go 1.21

require ringmail.dev/ringmail v0.0.0

replace ringmail.dev/ringmail => ../../../bindings/go
