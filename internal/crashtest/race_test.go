//go:build race

package crashtest_test

// The race detector makes an examination twenty times as dear, and sees the same code run in each of them.
const thinner = 6
