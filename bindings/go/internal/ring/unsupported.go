//go:build !linux || !(amd64 || arm64)

package ring

// What is undefined here is the reason why this does not build.
var _ = ringmail_for_go_runs_on_linux_on_amd64_and_arm64
