package nodes_test

import (
	"testing"

	"github.com/gridtie/gridtie/nodes"
)

func TestX(t *testing.T) {
	if _, err := nodes.Standard(nodes.Services{}); err != nil {
		t.Fatal(err)
	}
}
