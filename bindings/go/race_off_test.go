//go:build !race

package ringmail_test

const raceDetector = false
