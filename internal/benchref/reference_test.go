package benchref_test

import (
	"testing"

	"github.com/gridtie/gridtie/internal/benchref"
)

// The references are worth comparing with only if they do the same work.
func TestReferencesAgree(t *testing.T) {
	t.Parallel()
	a, b, c := benchref.NewWorld(), benchref.NewWorld(), benchref.NewWorld()
	for i, p := range a.Payloads {
		one, two, three := a.Struct("POST_ATTRIBUTES_REQUEST", a.Devices[i], p), b.Map("POST_ATTRIBUTES_REQUEST", a.Devices[i], p), c.Scan("POST_ATTRIBUTES_REQUEST", a.Devices[i], p)
		if one != two || one != three {
			t.Fatalf("message %d: struct %v, map %v, scan %v", i, one, two, three)
		}
	}
	share := float64(a.Attached()) / float64(len(a.Payloads))
	if share < 0.65 || share > 0.75 || a.Attached() != c.Attached() {
		t.Errorf("attached: got %.2f of the messages, want about 0.70", share)
	}
}
