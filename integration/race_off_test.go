//go:build !race

package integration

// raceBinary says that the binary under test is built with the race detector:
// it is when the tests are.
const raceBinary = false

// raceFactor is 1 with the race detector, else 0.
const raceFactor = 0
