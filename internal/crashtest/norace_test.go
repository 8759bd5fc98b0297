//go:build !race

package crashtest_test

const thinner = 1
